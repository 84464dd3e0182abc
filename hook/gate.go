package hook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Gate paces the requests to custom robots, of which DingTalk takes 20 a minute, for whoever
// shares it. See [WithGate].
type Gate interface {
	// Enter lets one request to a robot pass, or returns an error, which is a [GateClosed] when
	// the request has to wait.
	Enter(ctx context.Context, r GateRobot) (GatePass, error)
	// Ask is Enter for somebody who does not want to send yet.
	Ask(ctx context.Context, r GateRobot) error
	// Leave ends the waiting of whoever ctx is of.
	Leave(ctx context.Context, r GateRobot) error
}

// GateClosed is an error of a [Gate] that opens again.
type GateClosed interface {
	error
	// Wait is how long until it is to be asked again.
	Wait() time.Duration
}

// GateSpent is an error of a [Gate] of a robot that gets no more messages of this kind in this month.
type GateSpent interface {
	error
	// Spent reports whether it is so.
	Spent() bool
}

// GatePass is a request that may leave. One of the methods ends it.
type GatePass interface {
	// Answered says that DingTalk has counted the request, or may have.
	Answered()
	// Unsent says that the request did not leave.
	Unsent()
	// Refused says that DingTalk answered that there were too many, after which it takes none for
	// the time of the block, and returns how long that still is: the block may have begun before.
	Refused(ctx context.Context, block time.Duration) (time.Duration, error)
	// Gone says what DingTalk answered for want of such a robot; counts is false where it counts nothing.
	Gone(ctx context.Context, answer string, counts bool) error
}

// GateRobot is a robot as a [Gate] knows it.
type GateRobot struct {
	// Key tells robots apart, whatever connections lead to them, and is no secret.
	Key string
	// Name is the id of the connection.
	Name string
	// Rate is how many requests it takes within a minute.
	Rate int
	// Quota is how many messages it is to get in a month, 0 for no limit.
	Quota int
	// Timeout bounds one request.
	Timeout time.Duration
}

// WithGate paces the messages to custom robots. Without it they leave at once.
func WithGate(g Gate) Option {
	return func(h *DingdingHook) { h.gate = g }
}

// open lets everything pass.
type open struct{}

func (open) Enter(context.Context, GateRobot) (GatePass, error)                    { return open{}, nil }
func (open) Ask(context.Context, GateRobot) error                                  { return nil }
func (open) Leave(context.Context, GateRobot) error                                { return nil }
func (open) Answered()                                                             {}
func (open) Unsent()                                                               {}
func (open) Gone(context.Context, string, bool) error                              { return nil }
func (open) Refused(_ context.Context, block time.Duration) (time.Duration, error) { return block, nil }

// gated is the robot as the gate knows it.
func (r *robot) gated(connID string) GateRobot {
	sum := sha256.Sum256([]byte(r.base + "\x00" + r.token))
	return GateRobot{Key: hex.EncodeToString(sum[:12]), Name: connID, Rate: r.rate, Quota: r.quota, Timeout: r.timeout}
}

// target is a robot that may take a message.
type target struct {
	*robot
	gated GateRobot
}

// targets are the robots of a connection: those that its extra lists, and its own if it has a token.
func (h *DingdingHook) targets(ctx context.Context, connID string) ([]target, *Error) {
	own, e := h.robot(ctx, connID)
	if e != nil {
		return nil, e
	}
	if len(own.robots) == 0 && own.token != "" {
		return own.alone, nil
	}
	var out []target
	if own.token != "" {
		out = append(out, own.alone...)
	}
	for _, id := range own.robots {
		r, e := h.robot(ctx, id)
		switch {
		case e != nil:
			e.Err = fmt.Errorf("extra.robots of connection %q: %w", connID, errors.Join(e.Err))
			return nil, e
		case len(r.robots) > 0:
			return nil, &Error{Kind: KindInvalid, Err: fmt.Errorf("extra.robots of connection %q names %q, which lists robots itself: list each robot once", connID, id)}
		case r.token == "":
			return nil, noToken(id)
		}
		t := r.alone[0]
		if !slices.ContainsFunc(out, func(o target) bool { return o.gated.Key == t.gated.Key }) {
			out = append(out, t)
		}
	}
	if len(out) == 0 {
		return nil, noToken(connID)
	}
	for _, t := range out[1:] {
		if !slices.Equal(t.keywords, out[0].keywords) {
			return nil, &Error{Kind: KindInvalid, Err: fmt.Errorf(
				"the robots %q and %q share messages and have other keywords: give both the same extra.keyword", out[0].gated.Name, t.gated.Name)}
		}
	}
	if n := len(out); n > 1 { // they share the load
		at := int(h.shared.turn.Add(1)) % n
		out = slices.Concat(out[at:], out[:at])
	}
	return out, nil
}

// Robots are those that a connection sends to, as their [Gate] knows them. Errors are [*Error].
func (h *DingdingHook) Robots(ctx context.Context, connID string) ([]GateRobot, error) {
	ts, e := h.targets(ctx, (&RobotMessage{ConnID: connID}).connID())
	if e != nil {
		e.Op = "look up the robots of a connection"
		return nil, e
	}
	out := make([]GateRobot, len(ts))
	for i, t := range ts {
		out[i] = t.gated
	}
	return out, nil
}

func noToken(connID string) *Error {
	return &Error{Kind: KindAuth, Message: fmt.Sprintf(
		"no token was found, check the conn_id %q: its password must be the access token or the webhook address of the robot", connID)}
}

// enter lets a request to one of the robots pass: the first whose gate is open. The error says
// when to come again.
func (h *DingdingHook) enter(ctx context.Context, ts []target) (target, GatePass, *Error) {
	var closed *Error
	for i, t := range ts {
		pass, err := h.gate.Enter(ctx, t.gated)
		if err == nil {
			for _, other := range ts[:i] { // it no longer waits for them
				if err := h.gate.Leave(ctx, other.gated); err != nil {
					h.log.WarnContext(ctx, "leave the line of a robot", "conn_id", other.gated.Name, "error", err)
				}
			}
			return t, pass, nil
		}
		e := gateError(ctx, err)
		closed = sooner(closed, e)
		if !e.gated && !e.spent {
			break
		}
	}
	return target{}, nil, closed
}

// sooner is the one of two errors of gates, of which the first may be nil, that counts for both: that
// of the gate that opens first, unless something is wrong. One whose month is spent opens last.
func sooner(a, b *Error) *Error {
	switch {
	case a == nil || a.spent:
		return b
	case b.spent:
		return a
	case !b.gated || a.gated && b.RetryAfter < a.RetryAfter:
		return b
	}
	return a
}

func gateError(ctx context.Context, err error) *Error {
	if ctx.Err() != nil {
		return &Error{Kind: KindUnavailable, Message: stoppedBefore, Err: context.Cause(ctx)}
	}
	if c, ok := errors.AsType[GateClosed](err); ok {
		return &Error{Kind: KindRateLimited, RetryAfter: max(c.Wait(), time.Millisecond), Err: err, gated: true}
	}
	if s, ok := errors.AsType[GateSpent](err); ok && s.Spent() {
		return &Error{Kind: KindAuth, Err: err, spent: true, advice: "raise extra.quota of the connection, or wait for the next month"}
	}
	return &Error{Kind: KindUnavailable, Err: fmt.Errorf("ask whether the robot takes a message: %w", err)}
}

// Ready returns nil when a message through a connection could leave now. Otherwise the error is
// that of [DingdingHook.Send], and [Error.RetryAfter] says when to ask again where [Error.Gated].
func (h *DingdingHook) Ready(ctx context.Context, connID string) error {
	const op = "ask whether a robot takes a message"
	ts, e := h.targets(ctx, (&RobotMessage{ConnID: connID}).connID())
	if e != nil {
		e.Op = op
		return e
	}
	var closed *Error
	for _, t := range ts {
		err := h.gate.Ask(ctx, t.gated)
		if err == nil {
			return nil
		}
		closed = sooner(closed, gateError(ctx, err))
	}
	closed.Op = op
	return closed
}

// settle tells the gate what became of a request, and takes from it how long DingTalk takes none.
func (h *DingdingHook) settle(ctx context.Context, pass GatePass, e *Error) {
	switch {
	case e == nil:
		pass.Answered()
	case e.Kind == KindRateLimited:
		// Nobody else is to run into it, so it is noted although the caller may have gone.
		wait, err := pass.Refused(context.WithoutCancel(ctx), e.RetryAfter)
		if err != nil {
			h.log.WarnContext(ctx, "keep in mind that a robot takes no messages", "error", err)
		} else if wait > 0 {
			e.RetryAfter = wait
		}
	case e.IsCode("300001", "300005", "400101", "400102", "400106", "400013"): // the first three are of no robot at all
		if err := pass.Gone(context.WithoutCancel(ctx), e.Code+" "+e.Message, e.Kind != KindAuth); err != nil {
			h.log.WarnContext(ctx, "keep in mind that a robot is gone", "error", err)
		}
	case e.Kind == KindUnavailable && e.HTTPStatus == 0 && e.Code == "":
		pass.Unsent()
	default:
		pass.Answered()
	}
}
