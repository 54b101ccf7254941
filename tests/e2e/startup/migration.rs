//! A migration that is cut off in the middle.

use crate::world::{Plan, World, production};

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_was_interrupted_is_finished_by_the_next() {
    production(async |world: &World| {
        // In the middle of the second one.
        let interrupt = "
            CREATE FUNCTION interrupt() RETURNS event_trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF to_regclass('registry') IS NOT NULL THEN RAISE EXCEPTION 'interrupted'; END IF;
            END $$;
            CREATE EVENT TRIGGER interrupt ON ddl_command_end EXECUTE FUNCTION interrupt()";
        world.sql(interrupt).await;
        let said = world.run(&["migrate"]).await;
        assert_eq!(said.code, 1, "{said:?}");
        let unwilling = Plan {
            arguments: Vec::new(),
            ..Plan::default()
        };
        let said = world.serve_to_its_end(unwilling).await;
        assert!(said.err.contains("is at version 1"), "{said:?}");
        world.sql("DROP EVENT TRIGGER interrupt").await;
        let said = world.run(&["migrate", "--json"]).await;
        assert_eq!(
            (said.code, &said.json()["from"]),
            (0, &1.into()),
            "{said:?}"
        );
        world.serve(Plan::default()).await;
    })
    .await;
}
