use aigc_auth::{RequirePermission, permissions};

permissions! {
    Read = "report:read";
    Write = "report:write";
}

async fn reports(_: RequirePermission<(Read, Write)>) {}

fn main() {
    let _ = reports;
}
