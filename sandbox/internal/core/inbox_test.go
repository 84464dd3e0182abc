package core_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func ids(messages []sandbox.Message) []int {
	out := []int{}
	for _, m := range messages {
		out = append(out, m.ID)
	}
	return out
}

func TestFilter(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	boxtest.Fill(t, b)
	tests := map[string]struct {
		filter sandbox.Filter
		want   []int
	}{
		"all":             {sandbox.Filter{}, []int{1, 2, 3}},
		"robot":           {sandbox.Filter{Robot: "ops"}, []int{1, 3}},
		"type":            {sandbox.Filter{Type: "markdown"}, []int{2}},
		"title, any case": {sandbox.Filter{Text: "nightLY"}, []int{2}},
		"button":          {sandbox.Filter{Text: "approve"}, []int{3}},
		"after":           {sandbox.Filter{After: 2}, []int{3}},
		"none":            {sandbox.Filter{Robot: "reports", Type: "text"}, []int{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, ids(b.Messages(tt.filter)))
		})
	}
}

func TestClearKeepsCounting(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	ops := boxtest.Fill(t, b)
	b.Clear()
	assert.Empty(t, b.Messages(sandbox.Filter{}))
	assert.Empty(t, b.Attempts())
	require.Equal(t, boxtest.OK, b.Post(t, ops, "", boxtest.Hello))
	assert.Equal(t, []int{4}, ids(b.Messages(sandbox.Filter{})))
	_, err := b.Message(1)
	assert.ErrorIs(t, err, sandbox.ErrNotFound)
}

func TestInboxKeepsTheNewest(t *testing.T) {
	t.Parallel()
	s := sandbox.New(sandbox.Options{Keep: 2})
	robot, err := s.AddRobot(sandbox.DemoRobot("ops"))
	require.NoError(t, err)
	for range 5 {
		boxtest.Deliver(t, s, robot, boxtest.Hello)
	}
	assert.Equal(t, []int{4, 5}, ids(s.Messages(sandbox.Filter{})))
	assert.Len(t, s.Attempts(), 2)
}

func TestWaitMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sandbox.New(sandbox.Options{})
		robot, err := s.AddRobot(sandbox.DemoRobot("ops"))
		require.NoError(t, err)
		var got []sandbox.Message
		done := false
		go func() {
			got, err = s.WaitMessages(t.Context(), 2, sandbox.Filter{Type: "text"})
			done = true
		}()

		boxtest.Deliver(t, s, robot, boxtest.Hello)
		boxtest.Deliver(t, s, robot, `{"msgtype":"markdown","markdown":{"title":"T","text":"x"}}`)
		synctest.Wait()
		require.False(t, done)
		boxtest.Deliver(t, s, robot, boxtest.Hello)
		synctest.Wait()

		require.True(t, done)
		require.NoError(t, err)
		assert.Equal(t, []int{1, 3}, ids(got))
	})
}

func TestWaitMessagesGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	s := sandbox.New(sandbox.Options{})
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err := s.WaitMessages(ctx, 1, sandbox.Filter{})
	require.ErrorIs(t, err, cause)
	assert.ErrorContains(t, err, "wait for 1 messages, 0 arrived")
}

// Sixteen senders with one msgUuid, readers and robots coming and going: one message.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot := b.AddRobot(sandbox.DemoRobot("ops"))
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			body := `{"msgtype":"text","msgUuid":"once","text":{"content":"x"}}`
			assert.Equal(t, boxtest.OK, b.Post(t, robot, "", body))
		})
		wg.Go(func() {
			_, err := b.Server.AddRobot(sandbox.DemoRobot(strconv.Itoa(i)))
			assert.NoError(t, err)
			_, page := b.Do(t, "GET", "/", "")
			assert.Contains(t, page, "ops")
		})
	}
	wg.Wait()
	assert.Len(t, b.Messages(sandbox.Filter{}), 1)
	assert.Len(t, b.Attempts(), 16)
}
