//! stub
use crate::component::CrdsPolicy;
use std::time::Duration;
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct CrdsError;
impl CrdsError {
    pub fn is_transient(&self) -> bool {
        false
    }
}
pub struct CrdsReport;
pub const FIELD_MANAGER: &str = "component-controller";
pub async fn apply(
    _: &kube::Client,
    _: &[(String, Vec<u8>)],
    _: CrdsPolicy,
    _: Duration,
) -> Result<CrdsReport, CrdsError> {
    Ok(CrdsReport)
}
