package robot

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// Rate is how many requests a robot takes. DingTalk counts what it refuses, too.
type Rate struct {
	// PerMinute is how many requests pass within any minute; one more starts the
	// block. Zero means the default, -1 no limit.
	PerMinute int `json:"per_minute,omitempty"`
	// Block is how long everything is refused then; requests meanwhile do not make
	// it longer. Zero means the default. In JSON it is text: "10m".
	Block time.Duration `json:"-"`
}

// DingTalkRate is DingTalk's: 20 a minute, then blocked for ten minutes.
func DingTalkRate() Rate { return Rate{PerMinute: 20, Block: 10 * time.Minute} }

type rateFields Rate

// MarshalJSON writes Block as text.
func (r Rate) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		rateFields
		Block core.Duration `json:"block,omitzero"`
	}{rateFields(r), core.Duration(r.Block)})
}

// UnmarshalJSON reads Block from text and refuses unknown keys.
func (r *Rate) UnmarshalJSON(data []byte) error {
	var in struct {
		rateFields
		Block core.Duration `json:"block"`
	}
	if err := core.DecodeStrict(data, &in); err != nil {
		return err
	}
	*r = Rate(in.rateFields)
	r.Block = time.Duration(in.Block)
	return nil
}

// or fills what is not set from the other rate.
func (r Rate) or(other Rate) Rate {
	if r.PerMinute == 0 {
		r.PerMinute = other.PerMinute
	}
	if r.Block == 0 {
		r.Block = other.Block
	}
	return r
}

// throttle counts the requests with one token.
type throttle struct {
	recent       []time.Time
	blockedUntil time.Time
}

// allow counts a request and tells whether it passes.
func (t *throttle) allow(now time.Time, rate Rate) bool {
	if rate.PerMinute < 0 {
		return true
	}
	if now.Before(t.blockedUntil) {
		return false
	}
	t.forget(now)
	if len(t.recent) >= rate.PerMinute {
		t.blockedUntil = now.Add(rate.Block)
		t.recent = nil
		return false
	}
	t.recent = append(t.recent, now)
	return true
}

// forget drops what is older than a minute.
func (t *throttle) forget(now time.Time) {
	for len(t.recent) > 0 && now.Sub(t.recent[0]) >= time.Minute {
		t.recent = t.recent[1:]
	}
}

func (t *throttle) idle(now time.Time) bool {
	t.forget(now)
	return len(t.recent) == 0 && !now.Before(t.blockedUntil)
}

// maxThrottles is where counters of idle tokens are thrown away: anyone can send
// any number of unknown tokens.
const maxThrottles = 1000

// allow counts a request against its token, known or not. The caller holds the lock.
func (s *Service) allow(token string, rate Rate, now time.Time) bool {
	t := s.throttles[token]
	if t == nil {
		if len(s.throttles) >= maxThrottles {
			maps.DeleteFunc(s.throttles, func(_ string, t *throttle) bool { return t.idle(now) })
		}
		t = &throttle{}
		s.throttles[token] = t
	}
	return t.allow(now, rate.or(s.rate))
}
