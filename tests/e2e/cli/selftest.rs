//! The selftest: that it passes on a sound platform, tells what is wrong with another, and leaves
//! nothing.

use crate::world::{Plan, World, production, run_sql};

both_stacks! {
    every_check_passes_beside_a_running_platform_and_leaves_nothing,
}

async fn every_check_passes_beside_a_running_platform_and_leaves_nothing(world: &World) {
    let server = world.serve(Plan::default()).await;
    let said = world.run(&["selftest", "--json"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let told = said.json();
    let checks = told["checks"].as_array().unwrap();
    assert!(told["ok"] == true && checks.len() == 9, "{told:#}");
    assert!(checks.iter().all(|check| check["ok"] == true), "{told:#}");
    // The platform itself was not touched.
    let functions = world.run(&["function", "list", "--json"]).await;
    assert!(!functions.out.contains("selftest"), "{functions:?}");
    assert_eq!(server.client.get("/readyz").await.status, 200);
    if world.broker.is_some() {
        run_sql(&world.database_url, "CREATE SCHEMA ekiden_selftest").await;
        run_sql(&world.database_url, "DROP SCHEMA ekiden_selftest").await;
    } else {
        let left = std::fs::read_dir(world.path().join("data")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        let is_ours = |name: &std::ffi::OsString| name.to_str().unwrap().contains("selftest");
        assert!(!left.iter().any(is_ours), "{left:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_fails_is_told_and_decides_the_exit_status() {
    production(async |world: &World| {
        // A database that makes of each task that Expired one that Failed.
        let sabotage = "
            CREATE FUNCTION sabotage() RETURNS event_trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF to_regclass('ekiden_selftest.invocations_history') IS NOT NULL THEN
                    CREATE OR REPLACE FUNCTION ekiden_selftest.alter_end() RETURNS trigger
                    LANGUAGE plpgsql AS 'BEGIN NEW.status := 6; RETURN NEW; END';
                    CREATE OR REPLACE TRIGGER alter_end BEFORE INSERT
                    ON ekiden_selftest.invocations_history FOR EACH ROW
                    WHEN (NEW.status = 8) EXECUTE FUNCTION ekiden_selftest.alter_end();
                END IF;
            END $$;
            CREATE EVENT TRIGGER sabotage ON ddl_command_end
                WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION sabotage()";
        run_sql(&world.database_url, sabotage).await;
        let said = world.run(&["selftest"]).await;
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.contains("FAILED"), "{said:?}");
        let failed = said.out.lines().filter(|line| line.starts_with("FAILED"));
        let failed: Vec<&str> = failed.collect();
        assert!(
            failed.len() == 1 && failed[0].contains("expires"),
            "{said:?}"
        );
    })
    .await;
}
