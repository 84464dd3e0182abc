package robot_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/robot"
	"github.com/dingdag/dingdag/params"
)

func TestMessage(t *testing.T) {
	t.Parallel()
	p := robot.Params{Content: robot.Content{
		AtMobiles: []string{"138 0000 0001", "+852-51234567, 13800000002", "13800000002"}, AtUserIDs: []string{" u1 ", "u2；u3"},
	}}
	m, err := p.Message("x")
	require.NoError(t, err)
	assert.Equal(t, hook.DefaultConnID, m.ConnID)
	assert.Equal(t, hook.TypeText, m.Type)
	assert.Equal(t, []string{"13800000001", "+852-51234567", "13800000002"}, m.AtMobiles)
	assert.Equal(t, []string{"u1", "u2", "u3"}, m.AtUserIDs)
	assert.True(t, m.NoSplit)
}

// Who is wrong is left out and named, who is right stays.
func TestMessageNamesWhoIsWrong(t *testing.T) {
	t.Parallel()
	c := robot.Content{AtMobiles: []string{"bob", "13800000001", " "}, AtUserIDs: []string{"u 1", "u2"}}
	m, err := c.Message("x")
	assert.Equal(t, []string{"13800000001"}, m.AtMobiles)
	assert.Equal(t, []string{"u2"}, m.AtUserIDs)
	require.ErrorContains(t, err, `parameter "at_mobiles": "bob" is not a valid mobile number: write its digits`)
	require.ErrorContains(t, err, "it is empty, which notifies nobody")
	require.ErrorContains(t, err, `parameter "at_user_ids": "u 1" is not a valid user id: it has a space in it`)
	_, err = (&robot.Content{AtMobiles: []string{"138-0000-0001x"}}).Message("x")
	require.ErrorContains(t, err, `parameter "at_mobiles": "***-****-0001x" is not a valid mobile number`)
}

// Templates are left for later, what stands there is judged.
func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		content robot.Content
		message any
		want    string
		failed  bool
	}{
		"good":                    {robot.Content{AtMobiles: []string{"13800000001"}}, "x", "", false},
		"templates":               {robot.Content{AtMobiles: []string{"{{ oncall }}"}, AtUserIDs: []string{"{% if x %}u1{% endif %}"}}, "{{ text }}", "", false},
		"empty name":              {robot.Content{AtMobiles: []string{""}}, "x", "it is empty", false},
		"wrong beside a template": {robot.Content{AtMobiles: []string{"{{ oncall }}", "bob"}}, "x", "not a valid mobile number", true},
		"empty message":           {robot.Content{}, " ", "the text message is empty", true},
		"too long but templated":  {robot.Content{}, "{{ x }}" + strings.Repeat("x", 20000), "", false},
		"too long":                {robot.Content{}, strings.Repeat("x", 20000), "splitting is switched off", true},
		"shape":                   {robot.Content{MessageType: "link"}, map[string]any{"title": "{{ t }}", "text": "x"}, "the link message has no messageUrl", false},
		"message comes later":     {robot.Content{AtMobiles: []string{"bob"}}, nil, "not a valid mobile number", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.content.Check(tt.message)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
			assert.Equal(t, tt.failed, params.Failure(err) != nil)
		})
	}
}

// What people write as names never puts anything else into the message.
func FuzzMessage(f *testing.F) {
	f.Add("13800000001, 138 0000 0002", "u1；u2")
	f.Add("+852-51234567", " ")
	f.Add("", "a b")
	f.Fuzz(func(t *testing.T, mobiles, users string) {
		c := robot.Content{AtMobiles: []string{mobiles}, AtUserIDs: []string{users}}
		m, err := c.Message("x")
		if err == nil && (len(m.AtMobiles) == 0 || len(m.AtUserIDs) == 0) {
			t.Fatal("nobody, and no word about it")
		}
		for _, who := range m.AtMobiles {
			require.Empty(t, strings.Trim(who, "+-0123456789"))
		}
		for _, who := range m.AtUserIDs {
			require.NotEmpty(t, who)
			require.False(t, strings.ContainsFunc(who, unicode.IsSpace))
		}
	})
}
