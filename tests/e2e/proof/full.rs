//! A database whose disk is full.

use crate::{
    spelling::{SPELLINGS, UNVERSIONED},
    world::{Plan, World, until, until_status},
};

both_stacks! {
    a_full_disk_refuses_what_is_new_loses_no_result_and_all_goes_on_when_there_is_room,
}

/// As far as an insert can tell: the error, and its code, are those of a disk without room.
const POSTGRES_FULL: &str = "
    CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER no_room BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION no_room();
    CREATE TRIGGER no_room BEFORE INSERT ON invocations_history
        FOR EACH ROW EXECUTE FUNCTION no_room();";
const POSTGRES_ROOM: &str = "DROP FUNCTION no_room CASCADE";
/// SQLite says the same of a table that has no number left for its next row.
const SQLITE_FULL: &str = "
    CREATE TABLE disk (id INTEGER PRIMARY KEY AUTOINCREMENT);
    INSERT INTO disk VALUES (9223372036854775807);
    CREATE TRIGGER no_room_outbox BEFORE INSERT ON outbox
        BEGIN INSERT INTO disk VALUES (NULL); END;
    CREATE TRIGGER no_room_history BEFORE INSERT ON invocations_history
        BEGIN INSERT INTO disk VALUES (NULL); END;";
const SQLITE_ROOM: &str = "DROP TRIGGER no_room_outbox; DROP TRIGGER no_room_history";

async fn a_full_disk_refuses_what_is_new_loses_no_result_and_all_goes_on_when_there_is_room(
    world: &World,
) {
    let (full, room) = if world.broker.is_some() {
        (POSTGRES_FULL, POSTGRES_ROOM)
    } else {
        (SQLITE_FULL, SQLITE_ROOM)
    };
    let plan = Plan {
        settings: "[database]\ntimeout = \"1s\"\n".to_owned(),
        ..Plan::default()
    };
    let server = world.serve(plan).await;
    let client = &server.client;
    let running = client.post(&UNVERSIONED.invoke("f"), &[], "hang").await;
    let running = running.request_id();
    until_status(client, running, "Running").await;

    world.sql(full).await;
    let new = [("x-fc-async-task-id", "new")];
    for spelling in SPELLINGS {
        let answer = client.post(&spelling.invoke("f"), &new, "").await;
        assert_eq!(
            (answer.status, answer.problem().0.as_str()),
            (503, "ServiceUnavailable")
        );
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    let half = client.get(&UNVERSIONED.task("f", "new")).await;
    assert_eq!(half.status, 404, "{half:?}");
    world.functions.release();
    until("the result to wait", async || {
        server
            .log()
            .contains("a result waits for the store")
            .then_some(())
    })
    .await;

    world.sql(room).await;
    let answer = client.post(&UNVERSIONED.invoke("f"), &new, "").await;
    assert_eq!(answer.status, 202, "{answer:?}");
    for id in [running, "new"] {
        until_status(client, id, "Succeeded").await;
        assert_eq!(world.functions.calls_of(id).len(), 1);
    }
}
