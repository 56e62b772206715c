//! stub
use crate::controller::objects::Objects;
use crate::release::manifest::{Object, ObjectKey};
pub struct Unready {
    pub key: ObjectKey,
    pub why: String,
}
pub async fn unready(_: &Objects, _: &kube::Client, _: &[Object], _: &str) -> Vec<Unready> {
    vec![]
}
pub fn name_three(_: &[Unready]) -> String {
    String::new()
}
