package media_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/hook/internal/calltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Each function sends what the example on DingTalk's page sends, and reads its answer.
func TestOperationsMatchTheFacts(t *testing.T) {
	t.Parallel()
	calltest.Check(t, operations())
}

// What a function's comment says about its endpoint and page is what it calls.
func TestCommentsMatchTheFacts(t *testing.T) {
	t.Parallel()
	calltest.CheckComments(t, operations())
}
