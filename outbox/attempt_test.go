package outbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

// answer is an error that knows what the receiver said.
type answer struct {
	postError

	status int
	code   string
	parts  int
}

func (a answer) Answer() (status int, code string) { return a.status, a.code }
func (a answer) PartsInAll() int                   { return a.parts }

// attempts are the tries of a message in words.
func (b *bench) attempts(id int64) (all []string) {
	b.t.Helper()
	as, err := b.store.DeliveryAttempts(b.t.Context(), id)
	require.NoError(b.t, err)
	for _, a := range as {
		text := fmt.Sprintf("%d %s, %d of %d parts: %s", a.Attempt, a.Outcome, a.PartsTaken, a.Parts, a.Message)
		if a.Code != "" {
			text += fmt.Sprintf(" (%s, HTTP %d)", a.Code, a.HTTPStatus)
		}
		all = append(all, text)
	}
	return all
}

// Every try of a message is on record with what the receiver said, and when.
func TestAttemptsAreRecorded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(_ string, attempt int) error {
		switch attempt {
		case 1:
			return answer{postError: postError{retry: true}, status: 200, code: "hunter22"}
		case 2:
			return postError{retry: true, uncertain: true}
		case 3:
			return nil
		default:
			return fmt.Errorf("wrapped: %w", answer{status: 400, code: "310000", parts: 3})
		}
	}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.letters("a")
		b.later("it is delivered", b.settled)
		assert.Equal(t, []string{
			"1 retry, 0 of 0 parts: not taken (***, HTTP 200)", "2 uncertain, 0 of 0 parts: not taken", "3 delivered, 1 of 0 parts: ok",
		}, b.attempts(1))
		as, err := b.store.DeliveryAttempts(t.Context(), 1)
		require.NoError(t, err)
		for i, want := range []time.Duration{0, time.Second, 3 * time.Second} {
			assert.Equal(t, p.began.Add(want).UTC(), as[i].At)
			assert.Equal(t, p.began.Add(want).UTC(), as[i].EndedAt)
			assert.NotEmpty(t, as[i].Node)
		}
		assert.Equal(t, as[1].At, as[0].NextTry)
		assert.Zero(t, as[2].NextTry)

		p.mu.Lock()
		p.tries["b"] = 3
		p.mu.Unlock()
		b.letters("b")
		b.later("it is refused", func() bool { return b.delivery(1).State == store.DeliveryRefused })
		assert.Equal(t, []string{"1 refused, 0 of 3 parts: wrapped: not taken (310000, HTTP 400)"}, b.attempts(2))
	})
}

// What waits for its receiver has no try unless parts of it left.
func TestGatedAttempts(t *testing.T) {
	t.Parallel()
	inBubble(t, func(_ string, attempt int) error {
		if attempt == 1 {
			return postError{retry: true, gated: true, delay: time.Minute}
		}
		return nil
	}, func(t *testing.T, b *bench, _ *post) {
		t.Helper()
		b.letters("a")
		b.later("it is delivered", b.settled)
		assert.Equal(t, []string{"2 delivered, 1 of 0 parts: ok"}, b.attempts(1))
	})
	p := &parcel{post: *newPost(nil)}
	p.die = func(progress string) error {
		switch progress {
		case "x":
			p.die = nil
			return answer{postError: postError{retry: true, gated: true, delay: time.Millisecond}, parts: 3}
		default:
			return nil
		}
	}
	b := newBench(t, p)
	b.letters("a")
	b.until("it is delivered", b.settled)
	assert.Equal(t, []string{"1 gated, 1 of 3 parts: not taken", "2 delivered, 2 of 0 parts: ok, in 3 parts"}, b.attempts(1))
}
