//! What happens meanwhile: stops are asked for; processes crash, drain and are taken for dead; and
//! messages come twice or, where they can, are lost.

use crate::{process::Process, trouble::TROUBLED, world::World};
use ekiden_broker::Broker;
use ekiden_domain::{Clock, Lane};
use rand::{RngExt, seq::IndexedRandom};
use std::time::Duration;

/// The longest wait from one to the next.
const PAUSE_MS: u64 = 2_500;

/// Until the time of trouble is over.
pub(crate) async fn make(world: &World) {
    let mut dice = world.dice.roll("mischief");
    while world.clock.elapsed() < TROUBLED {
        let pause = Duration::from_millis(dice.random_range(0..PAUSE_MS));
        tokio::time::sleep(pause).await;
        let place = dice.random_range(0..world.processes.lock().unwrap().len());
        match dice.random_range(0..8) {
            0 => stop(world).await,
            1 => world.replace(place).drain(),
            2 => world.replace(place).crash().await,
            3 => suspect(world).await,
            4 | 5 if !world.is_lossless => steal(&world.broker).await,
            _ => double(world).await,
        }
    }
}

/// Asks for a stop, once, as the API does.
async fn stop(world: &World) {
    let accepted = world.accepted.lock().unwrap().clone();
    if let Some(id) = accepted.choose(&mut world.dice.roll("stop")) {
        let now = world.find(id).await;
        if let Some(Ok(stop)) = now.map(|now| now.stop(world.clock.now())) {
            drop(world.store.commit(stop).await);
        }
    }
}

/// Declares a worker dead that may well live, as a reaper does that saw nothing of it for a while.
async fn suspect(world: &World) {
    let workers = world.store.workers().await.unwrap();
    if let Some(worker) = workers.choose(&mut world.dice.roll("suspect")) {
        let declared = world.store.remove_worker(worker.id, worker.counter);
        declared.await.unwrap();
    }
}

/// Takes a message out of the queue, if one comes soon, and lets it go.
async fn steal(broker: &Broker) {
    let mut thief = broker.consume(&Lane::shared(), 1).await.unwrap();
    let soon = Duration::from_secs(2);
    if let Ok(Some(delivery)) = tokio::time::timeout(soon, thief.next()).await {
        delivery.ack().await;
    }
}

/// Puts messages into the queue that nobody asked for.
async fn double(world: &World) {
    let accepted = world.accepted.lock().unwrap().clone();
    for id in accepted {
        if let Some(now) = world.find(&id).await {
            let (lane, ids) = (Lane::shared(), [now.request_id]);
            world.broker.publish(&lane, &ids, None).await.unwrap();
        }
    }
}

impl World {
    /// Lets another process take the place of this one.
    fn replace(&self, place: usize) -> std::sync::Arc<Process> {
        let next = self.start();
        std::mem::replace(&mut self.processes.lock().unwrap()[place], next)
    }
}
