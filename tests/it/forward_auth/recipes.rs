//! The guide's configuration of nginx: the service behind it, too, is told who the client is.

const GUIDE: &str = include_str!("../../../docs/proxies.md");

/// Where a line is missing, nginx passes on the client's own header. Caddy and HAProxy need none, or one for all.
#[test]
fn client_is_named_by_nginx_wherever_it_passes_a_request_on() {
    let mut passed = 0;
    for recipe in GUIDE.split("```nginx ").skip(1) {
        let (recipe, _) = recipe.split_once("```").unwrap();
        for location in
            recipe.split("location ").skip(1).filter(|location| location.contains("proxy_pass http"))
        {
            for line in [
                "proxy_set_header Host $http_host;",
                "proxy_set_header X-Real-IP $remote_addr;",
                "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
                "proxy_set_header X-Forwarded-Proto $scheme;",
            ] {
                assert!(location.contains(line), "{line} is missing: location {location}");
            }
            passed += 1;
        }
    }
    assert_eq!(passed, 3, "in front of the layer, of the endpoint, and of the service behind both");
}
