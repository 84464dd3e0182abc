package store

import (
	"context"
	"time"
)

// Gates reads what paces the messages to robots, for all processes of the store.
type Gates interface {
	// Gate returns the gate of a robot; one that nobody has entered yet is open and has only its key.
	Gate(ctx context.Context, robot string) (*Gate, error)
	// KnownGates returns all of them by name and key.
	KnownGates(ctx context.Context) ([]*Gate, error)
	// GateLine returns who waits for a robot with the given rank or a lower one, by rank and time,
	// at most limit of them. Those who were to look again before alive are left out.
	GateLine(ctx context.Context, robot string, rank int, alive time.Time, limit int) ([]*GateTicket, error)
	// GateTicket returns the place of somebody in the line of a robot, or nil.
	GateTicket(ctx context.Context, robot, key string) (*GateTicket, error)
}

// GatesTx changes them in a transaction.
type GatesTx interface {
	// LockGate is Gate for a transaction that is going to write the gate: nobody else changes it
	// meanwhile.
	LockGate(ctx context.Context, robot string) (*Gate, error)
	// PutGate writes a gate.
	PutGate(ctx context.Context, g *Gate) error
	// PutGateTicket lets somebody wait, or look again at another moment.
	PutGateTicket(ctx context.Context, t *GateTicket) error
	// DropGateTicket ends the waiting of somebody, if he waits.
	DropGateTicket(ctx context.Context, robot, key string) error
	// DropGateTickets ends that of all who were to look again before a moment.
	DropGateTickets(ctx context.Context, before time.Time) error
}

// Gate is what is known of a robot that takes so many messages a minute.
type Gate struct {
	// Robot is a key that tells robots apart and no secret.
	Robot string
	// Name is the connection that gave it its quota, and without one that through which it was entered last.
	Name string
	// Sends are the requests of the last minute.
	Sends []GateSend
	// ClosedAt is when the robot refused a request for too many, ClosedUntil when it takes some
	// again. Both are zero while it is not known to refuse.
	ClosedAt, ClosedUntil time.Time
	// Month is the month of the count, such as 2026-11, and Sent the count.
	Month string
	Sent  int
	// Quota is how many messages it is to get in Month, 0 for no limit. Of connections that lead to the same
	// robot the one with the lowest counts, as it was when it sent last in the month; it no longer does once it
	// is changed or deleted in the store. Warned is the last month in which people were told that it is nearly
	// used up.
	Quota  int
	Warned string
	// GoneAt is when the robot answered last that it does not exist, or takes nothing any more, unless something
	// else was sent to it since; Gone is that answer. EnteredAt is when a request left last.
	GoneAt    time.Time
	Gone      string
	EnteredAt time.Time
}

// GateSend is a request to a robot.
type GateSend struct {
	// ID tells the requests of a gate apart.
	ID string `json:"id"`
	// At is when it left, Seen the last moment at which the robot can have counted it.
	At   time.Time `json:"at"`
	Seen time.Time `json:"seen"`
	// Rank is that of the message, DAGID what it was about.
	Rank  int    `json:"rank"`
	DAGID string `json:"dag_id,omitempty"`
}

// GateTicket is the place of somebody in the line of a robot.
type GateTicket struct {
	Robot, Key string
	// Rank is that of the message: a lower one goes first.
	Rank int
	// DAGID is what the message is about: DAGs take turns.
	DAGID string
	// Since is when the waiting began, LookAt when whoever waits looks again.
	Since, LookAt time.Time
}
