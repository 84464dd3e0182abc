package core

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// FaultKind is a way to misbehave.
type FaultKind string

// The ways to misbehave. The first six happen before the call has any effect, the
// last three after it: the message arrives, and only the answer suffers.
const (
	// FaultBusy answers errcode -1, or status 503 and serviceBusy in the new generation.
	FaultBusy FaultKind = "busy"
	// FaultErrcode answers Fault.Code, for instance 660026 (too fast) or 430102
	// (text refused), or Fault.ErrorCode in the new generation. Fault.Message is the
	// text; without it there is the usual one of the code, or one that names the code.
	FaultErrcode FaultKind = "errcode"
	// FaultHTML answers a gateway's HTML page with status 503.
	FaultHTML FaultKind = "html"
	// FaultEmpty answers an empty body, with status 504 unless Fault.Status says otherwise.
	FaultEmpty FaultKind = "empty"
	// FaultBlocked answers as the gate does that blocks an address which calls too often:
	// status 200 and {"status":1111,"punish":"deny"}, in either generation. It is not an envelope,
	// and clients that look for an errcode other than 0 take it for a success.
	FaultBlocked FaultKind = "blocked"
	// FaultCut closes the connection without an answer.
	FaultCut FaultKind = "cut"

	// FaultSlow answers after Fault.Delay.
	FaultSlow FaultKind = "slow"
	// FaultBrokenJSON answers status 200 and the first half of the JSON.
	FaultBrokenJSON FaultKind = "broken_json"
	// FaultAnswerLost closes the connection without an answer, after the effect.
	FaultAnswerLost FaultKind = "answer_lost"
)

// FaultKinds lists every kind in the order of their declaration.
func FaultKinds() []FaultKind {
	return []FaultKind{
		FaultBusy, FaultErrcode, FaultHTML, FaultEmpty, FaultBlocked, FaultCut,
		FaultSlow, FaultBrokenJSON, FaultAnswerLost,
	}
}

// prevents tells whether the call has no effect under this fault.
func (k FaultKind) prevents() bool {
	switch k {
	case FaultBusy, FaultErrcode, FaultHTML, FaultEmpty, FaultBlocked, FaultCut:
		return true
	default:
		return false
	}
}

// Fault makes coming requests go wrong. When several apply to a request, the one
// that was added first does, alone. Faults come before the throttle: what they
// prevent does not count towards a robot's rate.
type Fault struct {
	// Kind says what happens.
	Kind FaultKind `json:"kind"`
	// Call limits the fault to one call, for instance "robot.send". Empty means all.
	Call string `json:"call,omitempty"`
	// Robot limits the fault to one robot, by name or token. Empty means all, and
	// unknown tokens too.
	Robot string `json:"robot,omitempty"`
	// Times is how many requests it hits before it is gone. Zero means one, -1 means
	// all until [Faults.ClearFaults].
	Times int `json:"times,omitempty"`
	// Delay is for FaultSlow. In JSON it is text: "1.5s".
	Delay time.Duration `json:"-"`
	// Code is for FaultErrcode and legacy calls: 90018. The codes of the gateway are
	// wrapped in 88 where it does so. A fault with a Code alone passes calls of the new
	// generation by.
	Code int `json:"code,omitempty"`
	// ErrorCode is for FaultErrcode and calls of the new generation:
	// "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi". A fault with an ErrorCode alone
	// passes legacy calls by.
	ErrorCode string `json:"error_code,omitempty"`
	// Message is for FaultErrcode.
	Message string `json:"message,omitempty"`
	// Status is the HTTP status for FaultEmpty, and for FaultErrcode with an ErrorCode,
	// where the default is the usual one of the code.
	Status int `json:"status,omitempty"`
}

type faultFields Fault

// MarshalJSON writes Delay as text.
func (f Fault) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		faultFields
		Delay Duration `json:"delay,omitzero"`
	}{faultFields(f), Duration(f.Delay)})
}

// UnmarshalJSON reads Delay from text and refuses unknown keys.
func (f *Fault) UnmarshalJSON(data []byte) error {
	var in struct {
		faultFields
		Delay Duration `json:"delay"`
	}
	if err := DecodeStrict(data, &in); err != nil {
		return err
	}
	*f = Fault(in.faultFields)
	f.Delay = time.Duration(in.Delay)
	return nil
}

// Faults holds the faults that are on.
type Faults struct {
	core *Core
	list []Fault
}

// AddFault switches a fault on. The error says which field makes no sense.
func (s *Faults) AddFault(f Fault) error {
	if f.Times == 0 {
		f.Times = 1
	}
	if err := f.check(s.core.calls); err != nil {
		return fmt.Errorf("add fault %q: %w", f.Kind, err)
	}
	s.core.Lock()
	defer s.core.Unlock()
	if f.Robot != "" && !s.core.Robots.Known(f.Robot) {
		return fmt.Errorf("add fault %q: no robot has this name or token: %w", f.Kind, ErrNotFound)
	}
	s.list = append(s.list, f)
	return nil
}

func (f Fault) check(calls []Call) error {
	i := slices.IndexFunc(calls, func(c Call) bool { return c.Name == f.Call })
	switch {
	case !slices.Contains(FaultKinds(), f.Kind):
		return fmt.Errorf("unknown kind, use one of %q", FaultKinds())
	case f.Call != "" && i < 0:
		return fmt.Errorf("unknown call %q, use one of %q", f.Call, Names(calls))
	case f.Times < -1:
		return fmt.Errorf("times must be -1 (always) or more, not %d", f.Times)
	case f.Kind == FaultSlow && f.Delay <= 0:
		return fmt.Errorf("delay must be more than zero, not %v", f.Delay)
	case f.Kind == FaultErrcode && f.Code == 0 && f.ErrorCode == "":
		return errors.New("code must be an errcode, not 0 which is success; error_code is for calls of the new generation")
	case f.Call != "" && !f.suits(calls[i].Generation):
		return fmt.Errorf("call %q needs code when it is a legacy call and error_code when it is of the new generation", f.Call)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status must be an HTTP status from 200 to 599, not %d", f.Status)
	default:
		return nil
	}
}

// Faults lists the faults that are still on. Times counts what is left.
func (s *Faults) Faults() []Fault {
	s.core.Lock()
	defer s.core.Unlock()
	return slices.Clone(s.list)
}

// ClearFaults switches all faults off.
func (s *Faults) ClearFaults() {
	s.core.Lock()
	defer s.core.Unlock()
	s.list = nil
}

// suits tells whether the fault has a code for calls of the generation, if it needs one.
func (f Fault) suits(g Generation) bool {
	if f.Kind != FaultErrcode {
		return true
	}
	if g == Modern {
		return f.ErrorCode != ""
	}
	return f.Code != 0
}

// text is for codes without a usual one.
func (f Fault) text(g Generation) string {
	if g == Modern {
		return f.ErrorCode
	}
	return "errcode " + strconv.Itoa(f.Code)
}

// take returns the fault for a request and uses it up. The caller holds the lock.
func (s *Faults) take(c Call, token string) Fault {
	robot := s.core.Robots.Name(token)
	i := slices.IndexFunc(s.list, func(f Fault) bool {
		return (f.Call == "" || f.Call == c.Name) && f.suits(c.Generation) &&
			(f.Robot == "" || robot != "" && (f.Robot == robot || f.Robot == token))
	})
	if i < 0 {
		return Fault{}
	}
	fault := s.list[i]
	if fault.Times > 0 {
		s.list[i].Times--
	}
	if s.list[i].Times == 0 {
		s.list = slices.Delete(s.list, i, i+1)
	}
	return fault
}

// answer is what a fault that prevents the call answers in its place.
func (f Fault) answer(g Generation) Answer {
	switch f.Kind {
	case FaultBusy:
		r := Refuse(-1)
		r.Status, r.ErrorCode = http.StatusServiceUnavailable, "serviceBusy"
		return r.Answer(g)
	case FaultErrcode:
		r := Refuse(f.Code)
		r.Text = cmp.Or(f.Message, r.Text, f.text(g))
		r.gateway = isGatewayCode(f.Code)
		r.ErrorCode, r.Status = f.ErrorCode, cmp.Or(f.Status, usualStatus(f.ErrorCode))
		return r.Answer(g)
	case FaultHTML:
		return Answer{
			Status:      http.StatusServiceUnavailable,
			ContentType: "text/html; charset=utf-8",
			Body:        []byte("<html><head><title>503 Service Temporarily Unavailable</title></head><body><center><h1>503 Service Temporarily Unavailable</h1></center></body></html>\n"),
		}
	case FaultBlocked:
		return Answer{
			Status: http.StatusOK, ContentType: contentTypeJSON,
			Body: Encode(struct {
				Status int    `json:"status"`
				Wait   int    `json:"wait"`
				Source string `json:"source"`
				Punish string `json:"punish"`
				UUID   string `json:"uuid"`
			}{1111, 5, "x5", "deny", requestID()}),
			Note: Note{Code: 1111, Reason: "the address is blocked"},
		}
	case FaultEmpty:
		status := f.Status
		if status == 0 {
			status = http.StatusGatewayTimeout
		}
		return Answer{Status: status, ContentType: contentTypeJSON}
	default: // FaultCut has no answer
		return Answer{}
	}
}

// FaultCount is how many faults are on. The caller holds the lock.
func (c *Core) FaultCount() int { return len(c.Faults.list) }
