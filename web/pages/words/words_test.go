package words

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dagrun"
	"github.com/dingdag/dingdag/engine/live"
	"github.com/dingdag/dingdag/timetable"
)

var verb = regexp.MustCompile(`%(\[\d+\])?[+#0-9.]*[a-z]`) //nolint:gochecknoglobals // a constant

// verbs are what a text is about: each verb with the number of its argument.
func verbs(text string) (out []string) {
	for i, v := range verb.FindAllString(strings.ReplaceAll(text, "%%", ""), -1) {
		if !strings.Contains(v, "[") {
			v = "%[" + string(rune('1'+i)) + "]" + v[1:]
		}
		out = append(out, v)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestEachTextIsInEachLanguage(t *testing.T) {
	t.Parallel()
	for k, text := range table {
		assert.NotEmpty(t, text.EN, k)
		assert.NotEmpty(t, text.ZH, k)
		assert.Equal(t, verbs(text.EN), verbs(text.ZH), "%s is about the same in both languages", k)
		assert.Equal(t, strings.TrimSpace(text.EN), text.EN, k)
		assert.Equal(t, strings.TrimSpace(text.ZH), text.ZH, k)
		assert.False(t, strings.ContainsFunc(text.EN, func(r rune) bool { return unicode.Is(unicode.Han, r) }), k)
		for _, half := range []string{",", ";", "?", "!"} {
			assert.NotContains(t, regexp.MustCompile(`\p{Han}`+regexp.QuoteMeta(half)).FindString(text.ZH), half, "%s has a mark of half width", k)
		}
		if text.One != "" {
			assert.Contains(t, text.EN, "%", k)
		}
	}
}

func TestSay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		l     Language
		k     Key
		about []any
		want  string
	}{
		{English, "home.title", nil, "Home"},
		{Chinese, "home.title", nil, "首页"},
		{English, "clear.do", []any{1}, "Clear 1 task instance"},
		{English, "clear.do", []any{2}, "Clear 2 task instances"},
		{Chinese, "clear.do", []any{1}, "清除 1 个任务实例"},
	} {
		got, err := c.l.Say(c.k, c.about...)
		assert.NoError(t, err)
		assert.Equal(t, c.want, got)
	}
	_, err := English.Say("no.such")
	assert.EqualError(t, err, `no text has the key "no.such"`)
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration][2]string{
		0: {"0ms", "0 毫秒"}, 1500 * time.Millisecond: {"1.5s", "1.5 秒"}, 5 * time.Second: {"5s", "5 秒"}, 42 * time.Second: {"42s", "42 秒"}, 62 * time.Second: {"1m 02s", "1 分 02 秒"},
		3*time.Hour + time.Minute: {"3h 01m", "3 小时 01 分"}, 50 * time.Hour: {"2d 02h", "2 天 02 小时"}, -42 * time.Second: {"−42s", "−42 秒"},
	} {
		assert.Equal(t, want, [2]string{English.Span(d), strings.ReplaceAll(Chinese.Span(d), "\u00a0", " ")}, d)
		assert.NotContains(t, Chinese.Span(d), " ")
	}
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	every, err := timetable.Every(90 * time.Minute)
	require.NoError(t, err)
	for summary, want := range map[string][2]string{
		"0 9 * * 1-5 (Asia/Shanghai), trigger mode": {"0 9 * * 1-5 (Asia/Shanghai)", "0 9 * * 1-5 (Asia/Shanghai)"},
		timetable.Never().Summary():                 {"no schedule", "无调度计划"},
		timetable.Once().Summary():                  {"@once", "@once"},
		timetable.Continuous().Summary():            {"@continuous, data-interval mode", "@continuous，按数据区间"},
		every.Summary():                             {"every 1h30m", "每 1 小时 30 分"},
		"when updated: a and b":                     {"when updated: a and b", "更新时：a and b"},
		every.Summary() + ", or when updated: a":    {"every 1h30m, or when updated: a", "每 1 小时 30 分，或更新时：a"},
		"every banana":                              {"every banana", "every banana"},
	} {
		assert.Equal(t, want, [2]string{English.Schedule(summary), Chinese.Schedule(summary)}, summary)
		assert.Equal(t, summary, strings.Replace(English.WholeSchedule(summary), "no schedule", timetable.Never().Summary(), 1))
	}
	assert.Equal(t, "每 1 小时 30 分，按触发时刻", Chinese.WholeSchedule(every.Summary()))
}

func TestReason(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "a task failed", English.Reason("task_failure"))
	assert.Equal(t, "有任务失败", Chinese.Reason("task_failure"))
	assert.Equal(t, "panic: x", Chinese.Reason("panic: x"))
	for _, known := range []string{dagrun.ReasonTaskFailure, dagrun.ReasonTimedOut, dagrun.ReasonDeadlock, live.ReasonMarkedSuccess, live.ReasonMarkedFailed} {
		assert.NotEqual(t, known, English.Reason(known))
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]Language{
		"": English, "*": English, "de": English, "zh": Chinese, "zh-CN,zh;q=0.9,en;q=0.8": Chinese, "en-US,en;q=0.9,zh;q=0.8": English,
		"de-DE, zh-TW;q=0.5, en;q=0.3": Chinese, "en;q=0.1, zh;q=0.2": Chinese, "zh;q=0": English, "ZH-hans": Chinese, "zh;q=x, en": English,
		strings.Repeat("en;q=0.1,", 50) + "zh": English,
	} {
		assert.Equal(t, want, Accepted(header), header)
	}
}

func TestAlert(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event, dagID, taskID string
		mapIndex             int
		summary, en, zh      string
	}{
		{"on_failure", "etl", "load", 3, "on_failure of etl.load[3] to robot ops", "on_failure of etl.load[3] to robot ops", "etl.load[3] 失败，通知到 dingding:ops"},
		{"on_recovery", "etl", "", -1, "", "on_recovery", "etl 已恢复，通知到 dingding:ops"},
		{"digest", "", "", -1, "digest of 2 failed to robot ops", "digest of 2 failed to robot ops", "告警汇总，通知到 dingding:ops"},
		{"of_a_newer_version", "etl", "", -1, "x of etl", "x of etl", "x of etl"},
	} {
		assert.Equal(t, c.en, English.Alert(c.event, c.dagID, c.taskID, c.mapIndex, "dingding:ops", c.summary))
		assert.Equal(t, c.zh, Chinese.Alert(c.event, c.dagID, c.taskID, c.mapIndex, "dingding:ops", c.summary))
	}
}
