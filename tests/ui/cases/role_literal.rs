use aigc_auth::RequireRole;

async fn drafts(_: RequireRole<"editor">) {}

fn main() {
    let _ = drafts;
}
