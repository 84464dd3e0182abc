package stream

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/hook/incoming"
)

// What has not been acknowledged is not handled, nor is what came after it in its conversation.
func TestQueueWaitsForTheAcknowledgement(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handled []string
		q := newQueue(t.Context(), 1, 10, func(_ context.Context, r *Received) { handled = append(handled, r.Message.ID) })
		add := func(id, conversation string) func() {
			return q.add(&Received{Message: &incoming.Message{ID: id, ConversationID: conversation}})
		}
		first, second, other := add("m1", "cid1"), add("m2", "cid1"), add("m3", "cid2")
		second()
		synctest.Wait()
		assert.Empty(t, handled)
		other()
		synctest.Wait()
		assert.Equal(t, []string{"m3"}, handled, "another conversation does not wait")
		first()
		q.wait()
		assert.Equal(t, []string{"m3", "m1", "m2"}, handled)
		assert.True(t, q.room())
		assert.Zero(t, q.pending)
	})
}
