//! Access keys, and what the database knows of their secrets.

use crate::{
    server::Server,
    spelling::UNVERSIONED,
    world::{Plan, Said, World, until},
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
    let created = world
        .run(&["key", "create", "--id", "ci", "--scope", "read", "--json"])
        .await;
    assert!(created.err.contains("auth.seal_keys"), "{created:?}");
    let secret = created.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(kept(world).await, secret);
    assert_eq!(shown(world, &[]).await, "plain");
    let doctor = world.run(&["doctor"]).await;
    assert!(doctor.out.contains("knows the secrets of ci"), "{doctor:?}");
    let refused = world.run(&["key", "seal"]).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("set auth.seal_keys"), "{refused:?}");

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
        let told = server.log().matches("auth.seal_keys lacks").count();
        (told == 1).then_some(())
    })
    .await;
    let doctor = owner(world, &[FIRST], &["doctor"]).await;
    assert_eq!(doctor.code, 1, "{doctor:?}");
    assert!(doctor.out.contains("not at hand: ci"), "{doctor:?}");
}

/// Ends the server, so that the next one has the database.
async fn ended(mut server: Server) {
    server.terminate();
    assert!(server.exit().await.success(), "{}", server.log());
}
