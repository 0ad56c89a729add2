use aigc_auth::RequirePermission;

async fn reports(_: RequirePermission<String>) {}

fn main() {
    let _ = reports;
}
