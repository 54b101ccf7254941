//! The dispatchers, `crates/dispatch/src/send.rs`, and the broker that they publish to.

use crate::{flaw::Flaw, setup::Setup, world::World};

/// The most messages that wait in the broker at once.
const ROOM: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Takes the row of this id, which is due, because it was offered or by a poll; publishes it, and
    /// has the broker's confirm.
    Send(u8),
    /// The same, but the confirm is lost.
    SendUnconfirmed(u8),
    /// It does not reach the broker.
    SendInVain(u8),
    /// Deletes a row that was confirmed.
    Forget(usize),
    /// The broker delivers a message to this worker.
    Deliver(usize),
    /// The broker takes a message for undelivered that this worker holds.
    Redeliver(usize, usize),
    /// The broker loses everything.
    Wipe,
}

pub(crate) fn choices(setup: &Setup, world: &World) -> Vec<Act> {
    let mut acts: Vec<Act> = (0..world.confirmed.len()).map(Act::Forget).collect();
    let due = world.store.outbox.iter().filter(|row| row.due == 0);
    for id in due.map(|row| row.id) {
        let has_room = world.ready < ROOM && world.confirmed.len() < setup.dispatchers;
        // Two send one row only where the first of them takes longer than the row is kept for it.
        let is_in_hand = world.confirmed.contains(&id);
        if has_room && !is_in_hand {
            acts.push(Act::Send(id));
        }
        if world.left.faults > 0 {
            acts.push(Act::SendInVain(id));
            if has_room {
                acts.push(Act::SendUnconfirmed(id));
            }
        }
    }
    for (w, worker) in world.workers.iter().enumerate() {
        if world.ready > 0 && worker.listens() && worker.tickets.len() < setup.prefetch {
            acts.push(Act::Deliver(w));
        }
        if world.left.faults > 0 {
            let held = worker.tickets.iter().enumerate();
            let unacknowledged = held.filter(|(_, ticket)| ticket.is_with_broker);
            acts.extend(unacknowledged.map(|(t, _)| Act::Redeliver(w, t)));
        }
    }
    if world.left.wipes > 0 {
        acts.push(Act::Wipe);
    }
    acts
}

pub(crate) fn act(setup: &Setup, world: &mut World, act: Act) {
    match act {
        Act::Send(id) => {
            take(setup, world, id);
            world.ready += 1;
            world.confirmed.push(id);
        }
        Act::SendUnconfirmed(id) => {
            take(setup, world, id);
            world.left.faults -= 1;
            world.ready += 1;
        }
        Act::SendInVain(id) => {
            take(setup, world, id);
            world.left.faults -= 1;
        }
        Act::Forget(n) => {
            let id = world.confirmed.remove(n);
            world.store.delete(id);
        }
        Act::Deliver(w) => {
            world.ready -= 1;
            world.workers[w].receive(setup);
        }
        Act::Redeliver(w, t) => {
            world.left.faults -= 1;
            world.ready += 1;
            world.workers[w].tickets[t].is_with_broker = false;
        }
        Act::Wipe => {
            world.left.wipes -= 1;
            world.was_wiped = true;
            world.ready = 0;
            let tickets = world.workers.iter_mut().flat_map(|w| &mut w.tickets);
            tickets.for_each(|ticket| ticket.is_with_broker = false);
        }
    }
}

fn take(setup: &Setup, world: &mut World, id: u8) {
    world.store.take(id);
    if setup.has(Flaw::DeleteBeforeConfirm) {
        world.store.delete(id);
    }
}
