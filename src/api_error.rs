//! What an error of the Kubernetes client means. Pure.
//!
//! By status code, so that an answer of a proxy, which has no reason, counts as well.

use kube::Error;

/// The status code of the API server's answer; `None` if there was no answer.
pub fn code(error: &Error) -> Option<u16> {
    match error {
        Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// The object has changed since it was read, or exists already. (`Status::is_conflict` leaves the second out.)
pub fn is_conflict(error: &Error) -> bool {
    code(error) == Some(409)
}

/// There is no such object, or no such path.
pub fn is_not_found(error: &Error) -> bool {
    code(error) == Some(404)
}

/// The caller's role does not allow the request.
pub fn is_forbidden(error: &Error) -> bool {
    code(error) == Some(403)
}
