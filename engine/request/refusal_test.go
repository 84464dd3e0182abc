package request_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/engine/request"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// An error that another process answers says the same in each language, and is still the same mistake.
func TestRefusalsAreSaid(t *testing.T) {
	t.Parallel()
	for zh, err := range map[string]error{
		`运行 ID "a b"：只能包含字母、数字和 _ . ~ : + -`: &request.TriggerError{Field: "run_id", Err: phrase.Err("runid.signs", "a b")},
		"to_date：请填写最后一个逻辑日期":                request.BadBackfill("to_date", "backfill.to"),
		"问题 7：未选择选项：请选择 a、b 之一":              &request.RespondError{Field: "chosen_options", Err: phrase.Err("ask.is", 7, phrase.Err("ask.none", phrase.Names("a", "b")))},
		`DAG "x" 没有运行`:                       store.NoSuch("dag.no_runs", "x"),
		"disk: full":                         errors.New("disk: full"),
	} {
		answer := request.Refusal(err, func(text string) string { return text })
		back := request.ReadRefusal(answer)
		assert.Equal(t, err.Error(), back.Error())
		assert.Equal(t, zh, phrase.Said(back).In(phrase.Chinese, nil))
		assert.Equal(t, errors.Is(err, store.ErrNotFound), errors.Is(back, store.ErrNotFound))
		answer.Result = nil // of an older version
		if _, bad := errors.AsType[*request.BackfillError](err); !bad {
			assert.Equal(t, err.Error(), request.ReadRefusal(answer).Error())
		}
	}
}

// A secret is in no language of an answer, which still says what is wrong, and where.
func TestRefusalsAreMasked(t *testing.T) {
	t.Parallel()
	mask := func(text string) string { return strings.ReplaceAll(text, "hunter22", "***") }
	answer := request.Refusal(&request.TriggerError{Field: "conf", Err: phrase.Err("param.is", "p", errors.New("hunter22 is wrong"))}, mask)
	assert.NotContains(t, answer.Error+string(answer.Result), "hunter22")
	back := request.ReadRefusal(answer)
	require.EqualError(t, back, `param "p": *** is wrong`)
	said, ok := errors.AsType[*request.TriggerError](back)
	require.True(t, ok)
	assert.Equal(t, `param "p": *** is wrong`, phrase.Said(said.Err).In(phrase.Chinese, nil))
}
