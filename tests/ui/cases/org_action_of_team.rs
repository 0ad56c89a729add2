use aigc_auth::tenant::RequireOrg;
use aigc_auth::team_actions;

team_actions! {
    pub enum TeamRole { Admin = "admin" }
    pub DeleteAgents = "DELETE_AGENTS": Admin;
}

async fn delete(_: RequireOrg<DeleteAgents>) {}

fn main() {
    let _ = delete;
}
