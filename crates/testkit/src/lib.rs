//! Private PostgreSQL and RabbitMQ for tests, fixtures and a mock clock.
