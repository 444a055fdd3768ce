//! Every rule of who may read or change what, over catalogues made by hand.

#[path = "rules/functions.rs"]
mod functions;
#[path = "rules/naive.rs"]
mod naive;
#[path = "rules/permissions.rs"]
mod permissions;
#[path = "rules/reads.rs"]
mod reads;
#[path = "rules/shop.rs"]
mod shop;
#[path = "rules/writes.rs"]
mod writes;
