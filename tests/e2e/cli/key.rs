//! Access keys, and what the database knows of their secrets.

use crate::{
    server::Server,
    spelling::UNVERSIONED,
    world::{Plan, Said, World, embedded, production, until},
};
use sqlx::{Connection, PgConnection, SqliteConnection};

both_stacks! {
    a_sealed_secret_is_unknown_to_the_database_and_opens_the_door,
}

const FIRST: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const SECOND: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

/// A command of the owner, where these keys seal.
async fn owner(world: &World, seal_keys: &[&str], arguments: &[&str]) -> Said {
    let mut command = world.ekiden(arguments);
    let (name, keys) = sealing(seal_keys);
    command.env(name, keys);
    Said::of(command).await
}

fn sealing(seal_keys: &[&str]) -> (&'static str, String) {
    ("EKIDEN__AUTH__SEAL_KEYS", format!("{seal_keys:?}"))
}

async fn serve(world: &World, seal_keys: &[&str]) -> Server {
    let plan = Plan {
        environment: vec![sealing(seal_keys)],
        ..Plan::default()
    };
    world.serve(plan).await
}

/// Creates the key `ci`; its secret.
async fn create(world: &World, seal_keys: &[&str]) -> String {
    let create = ["key", "create", "--id", "ci", "--scope", "read", "--json"];
    let created = owner(world, seal_keys, &create).await.json();
    created["secret"].as_str().unwrap().to_owned()
}

/// What the database has for the secret of the key `ci`.
async fn kept(world: &World) -> String {
    let select = "SELECT secret FROM access_keys WHERE id = 'ci'";
    if world.broker.is_some() {
        let mut connection = PgConnection::connect(&world.database_url).await.unwrap();
        let row = sqlx::query_scalar(select).fetch_one(&mut connection);
        return row.await.unwrap();
    }
    let mut connection = SqliteConnection::connect(&world.database_url)
        .await
        .unwrap();
    let row = sqlx::query_scalar(select).fetch_one(&mut connection);
    row.await.unwrap()
}

/// How `ekiden key list` says that the secret is kept.
async fn shown(world: &World, seal_keys: &[&str]) -> String {
    let listed = owner(world, seal_keys, &["key", "list", "--json"])
        .await
        .json();
    assert_eq!(listed[0]["id"], "ci", "{listed}");
    listed[0]["secret"].as_str().unwrap().to_owned()
}

/// How a request is answered that is signed with the key `ci`.
async fn signed(world: &World, server: &Server, secret: &str) -> Said {
    let mut command = world.ekiden(&["list", "default/f", "--endpoint", &server.client.endpoint]);
    command
        .env("EKIDEN_ACCESS_KEY_ID", "ci")
        .env("EKIDEN_ACCESS_KEY_SECRET", secret);
    Said::of(command).await
}

async fn seal(world: &World, seal_keys: &[&str], expected: u64) {
    let said = owner(world, seal_keys, &["key", "seal", "--json"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(said.json()["sealed"], expected, "{said:?}");
}

async fn a_sealed_secret_is_unknown_to_the_database_and_opens_the_door(world: &World) {
    assert_eq!(world.run(&["migrate"]).await.code, 0);
    let secret = create(world, &[FIRST]).await;
    // As a version kept it that sealed only where it was told to.
    let plain = format!("UPDATE access_keys SET secret = '{secret}'");
    world.sql(&plain).await;
    assert_eq!(shown(world, &[FIRST]).await, "plain");
    let doctor = owner(world, &[FIRST], &["doctor"]).await;
    assert!(doctor.out.contains("knows the secrets of ci"), "{doctor:?}");

    // What is plain serves on, and is sealed when it is asked for.
    let server = serve(world, &[FIRST]).await;
    assert_eq!(signed(world, &server, &secret).await.code, 0);
    seal(world, &[FIRST], 1).await;
    let first = kept(world).await;
    assert!(
        first.starts_with("sealed:") && !first.contains(&secret),
        "{first}"
    );
    assert_eq!(shown(world, &[FIRST]).await, "sealed");
    assert_eq!(signed(world, &server, &secret).await.code, 0);
    assert_ne!(signed(world, &server, &first).await.code, 0);
    let doctor = owner(world, &[FIRST], &["doctor"]).await;
    assert!(doctor.out.contains("1, sealed"), "{doctor:?}");
    ended(server).await;

    // Another key replaces the first.
    let both = [SECOND, FIRST];
    let server = serve(world, &both).await;
    assert_eq!(shown(world, &both).await, "old");
    let doctor = owner(world, &both, &["doctor"]).await;
    assert!(doctor.out.contains("`ekiden key seal`"), "{doctor:?}");
    assert_eq!(signed(world, &server, &secret).await.code, 0);
    seal(world, &both, 1).await;
    seal(world, &both, 0).await;
    assert_ne!(kept(world).await, first);
    assert_eq!(signed(world, &server, &secret).await.code, 0);
    ended(server).await;

    // What it was sealed with is gone: nobody is let in by it, nor because it cannot be read.
    let server = serve(world, &[FIRST]).await;
    assert_eq!(shown(world, &[FIRST]).await, "lost");
    let refused = signed(world, &server, &secret).await;
    assert!(
        refused.code == 1 && refused.err.contains("InvalidAccessKeyID"),
        "{refused:?}"
    );
    let unsigned = server.client.get(&UNVERSIONED.list("f")).await;
    assert_eq!(unsigned.status, 403, "{unsigned:?}");
    until("it to be told", async || {
        let told = server.log().matches("is not at hand").count();
        (told == 1).then_some(())
    })
    .await;
    let doctor = owner(world, &[FIRST], &["doctor"]).await;
    assert_eq!(doctor.code, 1, "{doctor:?}");
    assert!(doctor.out.contains("not at hand: ci"), "{doctor:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_no_secret_that_nothing_can_seal() {
    production(async |world: &World| {
        assert_eq!(world.run(&["migrate"]).await.code, 0);
        for action in [&["key", "create", "--id", "ci"][..], &["key", "seal"]] {
            let refused = world.run(action).await;
            assert_eq!((refused.code, &*refused.out), (1, ""), "{refused:?}");
            assert!(refused.err.contains("set auth.seal_keys"), "{refused:?}");
        }
        let none = world.run(&["key", "list", "--json"]).await.json();
        assert_eq!(none, serde_json::json!([]));

        let secret = create(world, &[FIRST]).await;
        world
            .sql(&format!("UPDATE access_keys SET secret = '{secret}'"))
            .await;
        let server = serve(world, &[]).await;
        assert_eq!(signed(world, &server, &secret).await.code, 0);
        let doctor = world.run(&["doctor"]).await;
        assert!(doctor.out.contains("set auth.seal_keys"), "{doctor:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_has_a_seal_key_of_its_own_until_others_are_configured() {
    embedded(async |world: &World| {
        let secret = create(world, &[]).await;
        let first = kept(world).await;
        assert!(first.starts_with("sealed:"), "{first}");
        assert_eq!(shown(world, &[]).await, "sealed");
        let server = serve(world, &[]).await;
        assert_eq!(signed(world, &server, &secret).await.code, 0);
        ended(server).await;

        let file = world.path().join("data/ekiden.db.seal-key");
        let key = std::fs::read(&file).unwrap();
        std::fs::write(&file, "no key").unwrap();
        let refused = world.run(&["key", "list"]).await;
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.err.contains("ekiden.db.seal-key"), "{refused:?}");
        std::fs::remove_file(&file).unwrap();
        assert_eq!(shown(world, &[]).await, "lost");
        std::fs::write(&file, key).unwrap();

        assert_eq!(shown(world, &[FIRST]).await, "old");
        seal(world, &[FIRST], 1).await;
        std::fs::remove_file(&file).unwrap();
        assert_eq!(shown(world, &[FIRST]).await, "sealed");
    })
    .await;
}

/// Ends the server, so that the next one has the database.
async fn ended(mut server: Server) {
    server.terminate();
    assert!(server.exit().await.success(), "{}", server.log());
}
