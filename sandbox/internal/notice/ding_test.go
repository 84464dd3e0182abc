package notice_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestDing(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	send := func(want, kind int, ids ...string) string {
		t.Helper()
		return o.Modern(t, want, http.MethodPost, "/v1.0/robot/ding/send", boxtest.Encoded(t, map[string]any{
			"robotCode": o.App.AppKey, "remindType": kind, "receiverUserIdList": ids, "content": "磁盘满",
		}))
	}
	got := send(200, 1, "user001", "nobody")
	d := o.Dings()
	require.Len(t, d, 1)
	assert.JSONEq(t, `{"openDingId":"`+d[0].ID+`","failedList":{"staffId.notExisted":["nobody"]}}`, got)
	assert.Equal(t, []string{"user001"}, d[0].Receivers)
	assert.Contains(t, send(400, 1, "nobody"), "miss.staffId")
	assert.Contains(t, send(400, 2, make([]string, 21)...), "ding.receivercount.limit")
	assert.Contains(t, send(400, 4, "user001"), "invalidParameter.param.invalid")
	recall := `{"robotCode":"` + o.App.AppKey + `","openDingId":"` + d[0].ID + `"}`
	assert.JSONEq(t, `{"openDingId":"`+d[0].ID+`"}`, o.Modern(t, 200, http.MethodPost, "/v1.0/robot/ding/recall", recall))
	assert.True(t, o.Dings()[0].Recalled)
}
