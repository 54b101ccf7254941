//! The protocol as a `stateright` model: every step that anybody can take next.

use crate::{
    dispatcher, keeper,
    ledger::{Ledger, Mark, Marked},
    producer,
    promise::Promise,
    setup::Setup,
    worker,
    world::World,
};
use stateright::{Model, Property};

/// The protocol within its bounds.
#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    pub(crate) setup: Setup,
    /// What was found so far.
    pub(crate) ledger: Ledger,
    /// A world that the way is asked to.
    pub(crate) looks_for: Option<Mark>,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Producer(producer::Act),
    Dispatch(dispatcher::Act),
    Worker(usize, worker::Act),
    Keeper(keeper::Act),
    /// Time passes.
    Tick,
}

impl Model for Protocol {
    type State = Marked;
    type Action = Action;

    fn init_states(&self) -> Vec<Marked> {
        vec![World::new(&self.setup).into()]
    }

    fn actions(&self, Marked { world, .. }: &Marked, actions: &mut Vec<Action>) {
        let setup = &self.setup;
        // What follows a broken promise proves nothing more.
        if !world.broken.is_empty() {
            return;
        }
        actions.extend(
            producer::choices(setup, world)
                .into_iter()
                .map(Action::Producer),
        );
        actions.extend(
            dispatcher::choices(setup, world)
                .into_iter()
                .map(Action::Dispatch),
        );
        for w in 0..world.workers.len() {
            let acts = worker::choices(setup, world, w).into_iter();
            actions.extend(acts.map(|act| Action::Worker(w, act)));
        }
        actions.extend(
            keeper::choices(setup, world)
                .into_iter()
                .map(Action::Keeper),
        );
        actions.push(Action::Tick);
    }

    fn next_state(&self, before: &Marked, action: Action) -> Option<Marked> {
        let setup = &self.setup;
        let mut world = before.world.clone();
        match action {
            Action::Producer(act) => producer::act(setup, &mut world, act),
            Action::Dispatch(act) => dispatcher::act(setup, &mut world, act),
            Action::Worker(w, act) => worker::act(setup, &mut world, w, act),
            Action::Keeper(act) => keeper::act(setup, &mut world, act),
            Action::Tick => world.grow_older(),
        }
        world.broken = Promise::broken_by(&before.world, action, &world);
        world.tidy();
        let now = Marked::from(world);
        self.ledger.enter(setup, before, &now);
        Some(now)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(
            "every promise is kept",
            |protocol: &Self, now: &Marked| {
                now.world.broken.is_empty() && protocol.looks_for != Some(now.mark)
            },
        )]
    }
}
