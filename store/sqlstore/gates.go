package sqlstore

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
)

var (
	gateTable = declare("robot_gate", func(g *store.Gate) []field {
		return []field{
			{"robot", &g.Robot},
			{"name", &g.Name},
			{"sends", sends{&g.Sends}},
			{"closed_at", moment{&g.ClosedAt}},
			{"closed_until", moment{&g.ClosedUntil}},
			{"month", &g.Month},
			{"sent", &g.Sent},
			{"quota", &g.Quota},
			{"warned", &g.Warned},
			{"gone_at", moment{&g.GoneAt}},
			{"gone", &g.Gone},
			{"entered_at", moment{&g.EnteredAt}},
		}
	})
	gateAll, gateState = gateTable.but(), gateTable.but("robot")

	gateTicketTable = declare("robot_gate_ticket", func(t *store.GateTicket) []field {
		return []field{
			{"robot", &t.Robot},
			{"key", &t.Key},
			{"priority", &t.Rank},
			{"dag_id", &t.DAGID},
			{"since", moment{&t.Since}},
			{"look_at", moment{&t.LookAt}},
		}
	})
	gateTicketAll, gateTicketState = gateTicketTable.but(), gateTicketTable.but("robot", "key")
)

// sends are the requests of a gate as JSON.
type sends struct{ all *[]store.GateSend }

// Scan reads them.
func (s sends) Scan(src any) error {
	*s.all = nil
	text, ok := src.(string)
	if text == "[]" {
		return nil
	}
	if !ok {
		return fmt.Errorf("the requests of a gate are %T", src)
	}
	return json.Unmarshal([]byte(text), s.all)
}

// Value writes them.
func (s sends) Value() (driver.Value, error) {
	if len(*s.all) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(*s.all)
	return string(b), err
}

// Gate returns the gate of a robot, see [store.Gates].
func (q Queries) Gate(ctx context.Context, robot string) (*store.Gate, error) {
	g, err := one(ctx, q.c, gateTable.scan, gateTable.rows()+" WHERE robot = ?", robot)
	if err != nil {
		return nil, fmt.Errorf("read the gate of a robot: %w", err)
	}
	if g == nil {
		g = &store.Gate{Robot: robot}
	}
	return g, nil
}

// LockGate is Gate: one transaction at a time writes here.
func (q Queries) LockGate(ctx context.Context, robot string) (*store.Gate, error) {
	return q.Gate(ctx, robot)
}

// KnownGates returns all gates.
func (q Queries) KnownGates(ctx context.Context) ([]*store.Gate, error) {
	gs, err := collect(ctx, q.c, gateTable.scan, gateTable.rows()+" ORDER BY name, robot")
	if err != nil {
		return nil, fmt.Errorf("read the gates of robots: %w", err)
	}
	return gs, nil
}

// PutGate writes a gate.
func (q Queries) PutGate(ctx context.Context, g *store.Gate) error {
	_, err := q.c.Exec(ctx, gateAll.insert()+" ON CONFLICT (robot) DO UPDATE SET "+gateState.excluded, gateAll.args(g)...)
	if err != nil {
		return fmt.Errorf("write the gate of a robot: %w", err)
	}
	return nil
}

// GateLine returns who waits, see [store.Gates].
func (q Queries) GateLine(ctx context.Context, robot string, rank int, alive time.Time, limit int) ([]*store.GateTicket, error) {
	ts, err := collect(ctx, q.c, gateTicketTable.scan,
		gateTicketTable.rows()+" WHERE robot = ? AND priority <= ? AND look_at >= ? ORDER BY priority, since, key LIMIT ?",
		robot, rank, ms(alive), limit)
	if err != nil {
		return nil, fmt.Errorf("read the line of a robot: %w", err)
	}
	return ts, nil
}

// GateTicket returns a place in the line, or nil.
func (q Queries) GateTicket(ctx context.Context, robot, key string) (*store.GateTicket, error) {
	t, err := one(ctx, q.c, gateTicketTable.scan, gateTicketTable.rows()+" WHERE robot = ? AND key = ?", robot, key)
	if err != nil {
		return nil, fmt.Errorf("read the line of a robot: %w", err)
	}
	return t, nil
}

// PutGateTicket writes a place in the line.
func (q Queries) PutGateTicket(ctx context.Context, t *store.GateTicket) error {
	_, err := q.c.Exec(ctx, gateTicketAll.insert()+" ON CONFLICT (robot, key) DO UPDATE SET "+gateTicketState.excluded, gateTicketAll.args(t)...)
	if err != nil {
		return fmt.Errorf("wait for a robot: %w", err)
	}
	return nil
}

// DropGateTicket removes a place in the line.
func (q Queries) DropGateTicket(ctx context.Context, robot, key string) error {
	if _, err := q.c.Exec(ctx, "DELETE FROM robot_gate_ticket WHERE robot = ? AND key = ?", robot, key); err != nil {
		return fmt.Errorf("wait for a robot no longer: %w", err)
	}
	return nil
}

// DropGateTickets removes the places of those who did not come.
func (q Queries) DropGateTickets(ctx context.Context, before time.Time) error {
	if _, err := q.c.Exec(ctx, "DELETE FROM robot_gate_ticket WHERE look_at < ?", ms(before)); err != nil {
		return fmt.Errorf("clear the lines of robots: %w", err)
	}
	return nil
}
