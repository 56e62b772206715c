//! Components and what they need of each other: who waits for whom, what must be created, who may go.
