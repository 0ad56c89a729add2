use aigc_auth::RequireRole;

struct Editor;

async fn drafts(_: RequireRole<Editor>) {}

fn main() {
    let _ = drafts;
}
