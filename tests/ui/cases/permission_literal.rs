use aigc_auth::RequirePermission;

async fn reports(_: RequirePermission<"report:read">) {}

fn main() {
    let _ = reports;
}
