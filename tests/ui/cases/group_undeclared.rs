use aigc_auth::RequireGroup;

struct Operations;

async fn machines(_: RequireGroup<Operations>) {}

fn main() {
    let _ = machines;
}
