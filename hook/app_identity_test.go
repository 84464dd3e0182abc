package hook_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/internal/calltest"
)

func TestOperatorIDLooksUserIDsUpOnce(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"errcode":0,"errmsg":"ok","result":{"userid":"u001","unionid":"union1"}}`)
	})
	a := s.AppWith(t, `"operator_user_id":"u001"`)
	for range 2 {
		for _, tt := range []struct{ unionID, userID, want string }{
			{"union9", "", "union9"},
			{"union9", "u001", "union9"},
			{"", "u001", "union1"},
			{"", "", "union1"},
		} {
			got, err := a.OperatorID(t.Context(), tt.unionID, tt.userID)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		}
	}
	assert.Len(t, s.Got(), 1)

	_, err := s.App(t).OperatorID(t.Context(), "", "")
	var e *hook.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, hook.KindInvalid, e.Kind)
	assert.Contains(t, err.Error(), "operator_user_id")
}
