package outbox

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// An hour is an hour, however the clock is set in it.
func TestSteadyClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var (
			s   steady
			set time.Duration
		)
		read := func() time.Time {
			now, _ := s.read(func() time.Time { return time.Now().Add(set) })
			return now
		}
		began := read()
		at := began.Add
		time.Sleep(20 * time.Minute)
		set = 5 * time.Second
		read()
		assert.Equal(t, at(time.Hour), s.after(began, time.Hour), "that is corrected, not set")

		set = 3 * time.Hour
		now, by := s.read(func() time.Time { return time.Now().Add(set) })
		assert.Equal(t, 3*time.Hour-5*time.Second, by)
		assert.Equal(t, now.Add(40*time.Minute-5*time.Second), s.after(began, time.Hour), "twenty minutes have passed")
		assert.Equal(t, at(time.Minute), s.after(began, time.Minute), "that was before")
		assert.Equal(t, now.Add(time.Hour), s.after(now, time.Hour), "and this is after it")
		assert.Equal(t, at(5*time.Second), s.ago(now, 20*time.Minute))
		assert.False(t, s.wasSetBack())

		time.Sleep(10 * time.Minute)
		now = read()
		assert.Equal(t, now.Add(-10*time.Minute), s.ago(now, 10*time.Minute))
		assert.Equal(t, at(15*time.Minute+5*time.Second), s.ago(now, 15*time.Minute))

		set = time.Hour
		now = read()
		assert.True(t, s.wasSetBack())
		assert.Equal(t, now.Add(30*time.Minute-5*time.Second), s.after(began, time.Hour), "one hour of the three is left")
		set = 0
		read()
		assert.Equal(t, at(time.Hour), s.after(began, time.Hour), "it is right again")
		s.restored()
		assert.False(t, s.wasSetBack())
		set = -3 * time.Hour
		read()
		assert.True(t, s.wasSetBack())
		assert.Equal(t, at(time.Hour), s.after(began, time.Hour))
	})
}
