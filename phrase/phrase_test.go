package phrase_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dingdag/dingdag/phrase"
)

var at = time.Date(2026, 1, 31, 1, 30, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// shanghai writes a moment as a page does.
func shanghai(t time.Time) string {
	return t.In(time.FixedZone("CST", 8*60*60)).Format(time.DateTime)
}

func TestIn(t *testing.T) {
	t.Parallel()
	for want, text := range map[[2]string]phrase.Text{
		{"", ""}: {},
		{"it succeeded at 2026-01-31T01:30:00Z", "已于 2026-01-31 09:30:00 成功"}:                                phrase.Of("task.succeeded", at),
		{"no scheduler was running until 2026-01-31T01:30:00Z", "到 2026-01-31 09:30:00 为止没有调度器在运行"}:          phrase.Of("tick.down_until", at),
		{"exit code 1: 100%", "exit code 1: 100%"}:                                                           phrase.Plain("exit code 1: 100%"),
		{`pool "a": 3 of 4 slots are taken`, `资源池 "a"：已占用 3 个槽位，共 4 个`}:                                      phrase.Of("pool.full", "a", 3, int64(4)),
		{`depends_on_past: task "t" is upstream_failed in run r`, `depends_on_past：任务 "t" 在运行 r 中的状态为 上游失败`}: phrase.Of("past.state", "t", phrase.State("upstream_failed"), "r"),
		{"trigger rule all_success: a is running, b is failed", "触发规则 all_success：a 运行中、b 失败"}: phrase.Of("task.rule_of", "all_success", phrase.List(
			phrase.Of("task.is", "a", phrase.State("running")), phrase.Text{}, phrase.Of("task.is", "b", phrase.State("failed")))),
		{"run r is success (success) since 2026-01-31T01:30:00Z", "运行 r 已于 2026-01-31 09:30:00 成功"}: phrase.Of("run.succeeded", "r", phrase.State("success"), phrase.RunReason("success"), at),
		{"panic: x", "panic: x"}:   phrase.RunEnd("panic: x"),
		{"a task failed", "有任务失败"}: phrase.RunEnd("task_failure"),
		{"task_failure", "有任务失败"}:  phrase.RunReason("task_failure"),
		{"missed", "未运行"}:          phrase.Outcome("missed"),
		{"a, b", "a、b"}:            phrase.Names("a", "b"),
		{"the DAG was paused since 2026-01-31T01:30:00Z: three failures", "DAG 自 2026-01-31 09:30:00 起处于暂停状态：three failures"}: phrase.Of("colon", phrase.Of("tick.paused", at), "three failures"),
		{"no.such_code a 1h2m3s", "no.such_code a 1 小时 2 分 3 秒"}:                                                              phrase.Of("no.such_code", "a", time.Hour+2*time.Minute+3*time.Second),
	} {
		assert.Equal(t, want, [2]string{text.String(), text.In(phrase.Chinese, shanghai)})
		assert.Equal(t, want[0] == "", text.IsZero())
	}
	assert.True(t, phrase.RunEnd("success").IsZero(), "a success needs no reason")
	assert.True(t, phrase.All().IsZero())
	assert.Equal(t, phrase.Plain("a"), phrase.All(phrase.Text{}, phrase.Plain("a")))
	assert.Equal(t, "it is deferred", phrase.Of("task.deferred").In("de", nil), "any other language is English")
}

// What the store keeps of a text says the same when it is read again.
func TestJSON(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(phrase.Of("colon", phrase.Of("tick.paused", at), "a cause"))
	require.NoError(t, err)
	assert.JSONEq(t, `{"code":"colon","args":[{"code":"tick.paused","args":[{"at":1769823000000}]},"a cause"]}`, string(raw))
	rapid.Check(t, func(t *rapid.T) {
		text := texts(3).Draw(t, "text")
		raw, err := json.Marshal(text)
		require.NoError(t, err)
		var again phrase.Text
		require.NoError(t, json.Unmarshal(raw, &again), string(raw))
		assert.Equal(t, text.String(), again.String())
		assert.Equal(t, text.In(phrase.Chinese, shanghai), again.In(phrase.Chinese, shanghai))
	})
	for _, bad := range []string{`{}`, `{"code":""}`, `[]`, `"x"`, `{"code":"task.succeeded"}`, `{"code":"task.deferred","args":["x"]}`, `{"code":"plain","args":[true]}`, `{"code":"plain","args":[{}]}`, `{"code":"plain","args":[1.5]}`} {
		text := phrase.Plain("before")
		assert.Error(t, json.Unmarshal([]byte(bad), &text), bad)
	}
	var newer phrase.Text
	require.NoError(t, json.Unmarshal([]byte(`{"code":"of.a_newer_version","args":["a",1]}`), &newer))
	assert.Equal(t, "of.a_newer_version a 1", newer.String())
}

// texts are some that are put together of others, at most so deep.
func texts(deep int) *rapid.Generator[phrase.Text] {
	return rapid.Custom(func(t *rapid.T) phrase.Text {
		word := func() string { return rapid.String().Draw(t, "word") }
		moment := func() time.Time {
			return time.UnixMilli(rapid.Int64Range(-1e14, 1e14).Draw(t, "moment")).Truncate(time.Millisecond)
		}
		switch n := rapid.IntRange(0, 5).Draw(t, "kind"); {
		case n == 0 || deep == 0:
			return phrase.Plain(word())
		case n == 1:
			return phrase.Of("task.failed_first", word(), moment(), word())
		case n == 2:
			return phrase.Of("pool.full", word(), rapid.Int().Draw(t, "n"), rapid.Int().Draw(t, "m"))
		case n == 3:
			return phrase.Of("health.scheduler_stopped", time.Duration(rapid.Int64().Draw(t, "period")))
		case n == 4:
			return phrase.Of("colon", texts(deep-1).Draw(t, "a"), texts(deep-1).Draw(t, "b"))
		default:
			return phrase.List(rapid.SliceOfN(texts(deep-1), 0, 3).Draw(t, "list")...)
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"code":"colon","args":["a",{"at":1}]}`))
	f.Add([]byte(`{"code":"list","args":[null,{"ns":1},{"code":"task.free"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var text phrase.Text
		if json.Unmarshal(data, &text) != nil {
			return
		}
		raw, err := json.Marshal(text)
		require.NoError(t, err)
		var again phrase.Text
		require.NoError(t, json.Unmarshal(raw, &again))
		assert.Equal(t, text.String(), again.String())
	})
}

// An error says in English what its Error does, and in Chinese what it and those that it wraps have words for.
func TestSaid(t *testing.T) {
	t.Parallel()
	short := phrase.Err("password.short", 10)
	about := phrase.Err("param.is", "p", short)
	for zh, err := range map[string]error{
		"密码太短：至少需要 10 个字符":                         short,
		`参数 "p"：密码太短：至少需要 10 个字符`:                  about,
		"user ann: 密码太短：至少需要 10 个字符":               fmt.Errorf("user ann: %w", short),
		"user ann: 密码太短：至少需要 10 个字符 (again)":       fmt.Errorf("user %s: %w (again)", "ann", short),
		"密码太短：至少需要 10 个字符\n密码不能与用户名相同":             errors.Join(short, phrase.Err("password.name")),
		"a: 密码不能与用户名相同, b: 密码太短：至少需要 10 个字符 again": fmt.Errorf("a: %w, b: %w again", phrase.Err("password.name"), short),
		"disk: full": errors.New("disk: full"),
		"hidden":     hidden{short},
		`没有 DAG "b"；您是否要用 "a"？`: phrase.Err("dag.unknown", "b", phrase.Near("a")),
		`没有 DAG "c"`: phrase.AsError(phrase.Of("dag.unknown", "c", phrase.Near(""))),
	} {
		said := phrase.Said(err)
		assert.Equal(t, err.Error(), said.String())
		assert.Equal(t, zh, said.In(phrase.Chinese, nil))
	}
	require.ErrorIs(t, fmt.Errorf("x: %w", about), short)
	assert.True(t, phrase.Said(nil).IsZero())
}

// hidden is an error that keeps the words of the one that it wraps for itself.
type hidden struct{ error }

func (hidden) Error() string { return "hidden" }

func (h hidden) Unwrap() error { return h.error }
