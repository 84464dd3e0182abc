package stream

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// FaultKind is a way in which a stream misbehaves.
type FaultKind string

// The ways to misbehave.
const (
	// FaultOpenSilent gives no answer to the call that opens a stream, and ends it after the delay (30 s).
	FaultOpenSilent FaultKind = "open_silent"
	// FaultTicketExpired and FaultTicketUsed give a ticket that does not let in.
	FaultTicketExpired FaultKind = "ticket_expired"
	FaultTicketUsed    FaultKind = "ticket_used"
	// FaultNoPong leaves WebSocket pings of a new connection without an answer, to its end.
	FaultNoPong FaultKind = "no_pong"
	// FaultDisconnect sends a SYSTEM disconnect in place of a delivery, which another connection gets,
	// and closes after the delay (grace).
	FaultDisconnect FaultKind = "disconnect"
	// FaultHangUp ends the connection in the middle of the frame of a delivery, which is sent again at once over another.
	FaultHangUp FaultKind = "hang_up"
	// FaultDrop loses the frame of a delivery on the way: it is sent again when redelivery is due.
	FaultDrop FaultKind = "drop"
	// FaultDuplicate sends a delivery twice, one after the other.
	FaultDuplicate FaultKind = "duplicate"
	// FaultRedeliver loses the answer to a delivery, and sends it again after the delay (that of redelivery).
	FaultRedeliver FaultKind = "redeliver"
	// FaultSlow holds a delivery back for the delay (1 s), and what comes after it on the connection.
	FaultSlow FaultKind = "slow"
)

// FaultKinds lists every kind.
func FaultKinds() []FaultKind {
	return []FaultKind{
		FaultOpenSilent, FaultTicketExpired, FaultTicketUsed, FaultNoPong, FaultDisconnect,
		FaultHangUp, FaultDrop, FaultDuplicate, FaultRedeliver, FaultSlow,
	}
}

// Fault makes streams go wrong. Of several that suit, the one that was added first does.
type Fault struct {
	// App is an app key; empty means all apps.
	App  string    `json:"app,omitempty"`
	Kind FaultKind `json:"kind"`
	// Times is how often it strikes: 1 by default, -1 always.
	Times int `json:"times,omitempty"`
	// After is how many chances it lets pass before: with 2, the third delivery is hit.
	After int `json:"after,omitempty"`
	// Delay is for kinds that take time; zero is the kind's own.
	Delay time.Duration `json:"-"`
}

// faultJSON has the fields of a [Fault] without its methods.
type faultJSON Fault

// MarshalJSON writes the delay as text.
func (f Fault) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		faultJSON

		Delay core.Duration `json:"delay,omitempty"`
	}{faultJSON(f), core.Duration(f.Delay)})
}

// UnmarshalJSON refuses unknown keys.
func (f *Fault) UnmarshalJSON(data []byte) error {
	var in struct {
		faultJSON

		Delay core.Duration `json:"delay"`
	}
	if err := core.DecodeStrict(data, &in); err != nil {
		return err
	}
	*f = Fault(in.faultJSON)
	f.Delay = time.Duration(in.Delay)
	return nil
}

// AddStreamFault switches a fault on. The error says which field makes no sense, or wraps [core.ErrNotFound].
func (s *Service) AddStreamFault(f Fault) error {
	s.core.Lock()
	defer s.core.Unlock()
	f.Times = cmp.Or(f.Times, 1)
	switch {
	case !slices.Contains(FaultKinds(), f.Kind):
		return fmt.Errorf("add stream fault %q: unknown kind, use one of %q", f.Kind, FaultKinds())
	case f.Times < -1 || f.After < 0 || f.Delay < 0:
		return fmt.Errorf("add stream fault %q: after and delay must not be negative, and times only as -1 (always)", f.Kind)
	case f.App != "" && s.core.App(f.App) == nil:
		return fmt.Errorf("add stream fault %q: app key %q %w", f.Kind, f.App, core.ErrNotFound)
	}
	s.faults = append(s.faults, f)
	return nil
}

// StreamFaults lists the faults that are still on. Times and After count what is left.
func (s *Service) StreamFaults() []Fault {
	s.core.Lock()
	defer s.core.Unlock()
	return slices.Clone(s.faults)
}

// ClearStreamFaults switches all off.
func (s *Service) ClearStreamFaults() {
	s.core.Lock()
	defer s.core.Unlock()
	s.faults = nil
}

// takeFault uses up the first fault of one of the kinds that hits the app now.
func (s *Service) takeFault(appKey string, kinds ...FaultKind) (Fault, bool) {
	for i := range s.faults {
		f := &s.faults[i]
		if !slices.Contains(kinds, f.Kind) || f.App != "" && f.App != appKey {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		hit := *f
		hit.Delay = cmp.Or(hit.Delay, s.usualDelay(f.Kind))
		if f.Times > 0 {
			f.Times--
		}
		if f.Times == 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return hit, true
	}
	return Fault{}, false
}

func (s *Service) usualDelay(k FaultKind) time.Duration {
	switch k {
	case FaultOpenSilent:
		return 30 * time.Second
	case FaultDisconnect:
		return s.settings.Grace
	case FaultRedeliver:
		return s.settings.Redeliver
	case FaultSlow:
		return time.Second
	default:
		return 0
	}
}
