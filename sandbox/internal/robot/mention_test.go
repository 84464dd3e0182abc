package robot_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestMentions(t *testing.T) {
	t.Parallel()
	group := []sandbox.Member{{Mobile: "13800000000", UserID: "user001"}, {UserID: "user002"}}
	text := func(at string) string { return `{"msgtype":"text","text":{"content":"x"},"at":` + at + `}` }
	markdown := func(text, at string) string {
		return `{"msgtype":"markdown","markdown":{"title":"T","text":"` + text + `"},"at":` + at + `}`
	}
	ignored := func(id, reason string) []sandbox.IgnoredMention {
		return []sandbox.IgnoredMention{{ID: id, Reason: reason}}
	}
	tests := map[string]struct {
		members []sandbox.Member
		body    string
		want    sandbox.Mentions
	}{
		"nobody":                  {group, boxtest.Hello, sandbox.Mentions{}},
		"text needs no @":         {group, text(`{"atMobiles":["13800000000"],"atUserIds":["user002"]}`), sandbox.Mentions{Notified: []string{"13800000000", "user002"}}},
		"one person in two ways":  {group, text(`{"atMobiles":["13800000000"],"atUserIds":["user001"]}`), sandbox.Mentions{Notified: []string{"13800000000"}}},
		"stranger":                {group, text(`{"atMobiles":["13900000000"]}`), sandbox.Mentions{Ignored: ignored("13900000000", "nobody in the group has this mobile")}},
		"mobile among user ids":   {group, text(`{"atUserIds":["13800000000"]}`), sandbox.Mentions{Ignored: ignored("13800000000", "nobody in the group has this user id")}},
		"no members, known":       {nil, text(`{"atUserIds":["user003","user003"],"atMobiles":["13800000004"]}`), sandbox.Mentions{Notified: []string{"13800000004", "user003"}}},
		"no members, stranger":    {nil, text(`{"atMobiles":["13900000000"]}`), sandbox.Mentions{Ignored: ignored("13900000000", "nobody in the organisation has this mobile")}},
		"all wins":                {group, text(`{"isAtAll":true,"atUserIds":["user001"]}`), sandbox.Mentions{All: true}},
		"all as text":             {group, text(`{"isAtAll":"true"}`), sandbox.Mentions{}},
		"mobile as number":        {group, text(`{"atMobiles":[5]}`), sandbox.Mentions{Ignored: ignored("5", "atMobiles must hold texts")}},
		"at of a wrong type":      {group, text(`["user001"]`), sandbox.Mentions{}},
		"keys in the wrong case":  {group, text(`{"atuserids":["user001"],"AtMobiles":["13800000000"]}`), sandbox.Mentions{}},
		"markdown with @":         {group, markdown("cc @user001, @13800000000", `{"atUserIds":["user001"]}`), sandbox.Mentions{Notified: []string{"user001"}}},
		"markdown without @":      {group, markdown("cc user001", `{"atUserIds":["user001"]}`), sandbox.Mentions{Ignored: ignored("user001", "the text does not contain @user001")}},
		"markdown with longer id": {group, markdown("cc @user0012", `{"atUserIds":["user001"]}`), sandbox.Mentions{Ignored: ignored("user001", "the text does not contain @user001")}},
		"markdown only in text":   {group, markdown("cc @user001", `{}`), sandbox.Mentions{}},
		"markdown all":            {group, markdown("x", `{"isAtAll":true}`), sandbox.Mentions{All: true}},
		"card": {
			group,
			`{"msgtype":"actionCard","actionCard":{"title":"T","text":"@user002","singleTitle":"a","singleURL":"u"},"at":{"atUserIds":["user002"]}}`,
			sandbox.Mentions{Notified: []string{"user002"}},
		},
		"link": {
			group,
			`{"msgtype":"link","link":{"title":"T","text":"@user002","messageUrl":"u"},"at":{"atUserIds":["user002"]}}`,
			sandbox.Mentions{Ignored: ignored("user002", "link messages mention nobody")},
		},
		"feed all": {
			group,
			`{"msgtype":"feedCard","feedCard":{"links":[{"title":"T","messageURL":"u","picURL":"p"}]},"at":{"isAtAll":true}}`,
			sandbox.Mentions{Ignored: ignored("isAtAll", "feedCard messages mention nobody")},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := boxtest.Start(t)
			b.Seed(sandbox.DemoOrganisation())
			robot := b.AddRobot(sandbox.Robot{Name: "ops", Members: tt.members})
			require.Equal(t, boxtest.OK, b.Post(t, robot, "", tt.body))
			assert.Equal(t, tt.want, b.Messages(sandbox.Filter{})[0].Mentions)
		})
	}
}

func TestAtMostFiftyAreNotified(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot := sandbox.DemoRobot("ops")
	var ids []string
	for i := range 51 {
		id := fmt.Sprintf("user%03d", i)
		ids = append(ids, `"`+id+`"`)
		robot.Members = append(robot.Members, sandbox.Member{UserID: id})
	}
	robot = b.AddRobot(robot)
	body := `{"msgtype":"text","text":{"content":"x"},"at":{"atUserIds":[` + strings.Join(ids, ",") + `]}}`

	require.Equal(t, boxtest.OK, b.Post(t, robot, "", body))

	got := b.Messages(sandbox.Filter{})[0].Mentions
	assert.Len(t, got.Notified, 50)
	assert.Equal(t, []sandbox.IgnoredMention{{ID: "user050", Reason: "a message mentions at most 50 people"}}, got.Ignored)
}
