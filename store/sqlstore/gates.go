package sqlstore

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	gateTable = sqlrow.Declare("robot_gate", func(g *store.Gate) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("robot", &g.Robot),
			sqlrow.Col("name", &g.Name),
			sqlrow.Col("sends", sends{&g.Sends}),
			sqlrow.Col("closed_at", sqlrow.Moment(&g.ClosedAt)),
			sqlrow.Col("closed_until", sqlrow.Moment(&g.ClosedUntil)),
			sqlrow.Col("month", &g.Month),
			sqlrow.Col("sent", &g.Sent),
			sqlrow.Col("quota", &g.Quota),
			sqlrow.Col("warned", &g.Warned),
			sqlrow.Col("gone_at", sqlrow.Moment(&g.GoneAt)),
			sqlrow.Col("gone", &g.Gone),
			sqlrow.Col("entered_at", sqlrow.Moment(&g.EnteredAt)),
		}
	})
	gateAll, gateState = gateTable.But(), gateTable.But("robot")

	gateTicketTable = sqlrow.Declare("robot_gate_ticket", func(t *store.GateTicket) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("robot", &t.Robot),
			sqlrow.Col("key", &t.Key),
			sqlrow.Col("priority", &t.Rank),
			sqlrow.Col("dag_id", &t.DAGID),
			sqlrow.Col("since", sqlrow.Moment(&t.Since)),
			sqlrow.Col("look_at", sqlrow.Moment(&t.LookAt)),
		}
	})
	gateTicketAll, gateTicketState = gateTicketTable.But(), gateTicketTable.But("robot", "key")
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
	g, err := sqlrow.One(ctx, q.c, gateTable.Scan, gateTable.Select()+" WHERE robot = ?", robot)
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
	gs, err := sqlrow.Collect(ctx, q.c, gateTable.Scan, gateTable.Select()+" ORDER BY name, robot")
	if err != nil {
		return nil, fmt.Errorf("read the gates of robots: %w", err)
	}
	return gs, nil
}

// PutGate writes a gate.
func (q Queries) PutGate(ctx context.Context, g *store.Gate) error {
	_, err := q.c.Exec(ctx, gateAll.Insert()+" ON CONFLICT (robot) DO UPDATE SET "+gateState.Excluded, gateAll.Args(g)...)
	if err != nil {
		return fmt.Errorf("write the gate of a robot: %w", err)
	}
	return nil
}

// GateLine returns who waits, see [store.Gates].
func (q Queries) GateLine(ctx context.Context, robot string, rank int, alive time.Time, limit int) ([]*store.GateTicket, error) {
	ts, err := sqlrow.Collect(ctx, q.c, gateTicketTable.Scan,
		gateTicketTable.Select()+" WHERE robot = ? AND priority <= ? AND look_at >= ? ORDER BY priority, since, key LIMIT ?",
		robot, rank, sqlrow.UnixMilli(alive), limit)
	if err != nil {
		return nil, fmt.Errorf("read the line of a robot: %w", err)
	}
	return ts, nil
}

// GateTicket returns a place in the line, or nil.
func (q Queries) GateTicket(ctx context.Context, robot, key string) (*store.GateTicket, error) {
	t, err := sqlrow.One(ctx, q.c, gateTicketTable.Scan, gateTicketTable.Select()+" WHERE robot = ? AND key = ?", robot, key)
	if err != nil {
		return nil, fmt.Errorf("read the line of a robot: %w", err)
	}
	return t, nil
}

// PutGateTicket writes a place in the line.
func (q Queries) PutGateTicket(ctx context.Context, t *store.GateTicket) error {
	_, err := q.c.Exec(ctx, gateTicketAll.Insert()+" ON CONFLICT (robot, key) DO UPDATE SET "+gateTicketState.Excluded, gateTicketAll.Args(t)...)
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
	if _, err := q.c.Exec(ctx, "DELETE FROM robot_gate_ticket WHERE look_at < ?", sqlrow.UnixMilli(before)); err != nil {
		return fmt.Errorf("clear the lines of robots: %w", err)
	}
	return nil
}
