package robot_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestAddRobotFillsIn(t *testing.T) {
	t.Parallel()
	s := sandbox.New(sandbox.Options{})
	a, err := s.AddRobot(sandbox.Robot{Name: "a"})
	require.NoError(t, err)
	b, err := s.AddRobot(sandbox.Robot{Name: "b", Group: "Data platform"})
	require.NoError(t, err)
	assert.Equal(t, "a", a.Group)
	assert.Equal(t, "Data platform", b.Group)
	assert.Regexp(t, "^[0-9a-f]{64}$", a.Token)
	assert.NotEqual(t, a.Token, b.Token)
	assert.Equal(t, []sandbox.Robot{a, b}, s.Robots())
}

func TestDemoRobotHasTheSameTokenEachTime(t *testing.T) {
	t.Parallel()
	assert.Equal(t, sandbox.DemoRobot("ops"), sandbox.DemoRobot("ops"))
	assert.NotEqual(t, sandbox.DemoRobot("ops").Token, sandbox.DemoRobot("other").Token)
	assert.Regexp(t, `^/robot/send\?access_token=[0-9a-f]{64}$`, sandbox.DemoRobot("ops").WebhookPath())
}

func TestAddRobotRefusesNonsense(t *testing.T) {
	t.Parallel()
	taken := sandbox.DemoRobot("taken")
	tests := map[string]struct {
		robot sandbox.Robot
		want  string
	}{
		"no name":       {sandbox.Robot{}, "name is missing"},
		"token":         {sandbox.Robot{Name: "x", Token: "abc"}, "token must be 64 lower-case hex digits"},
		"keywords":      {sandbox.Robot{Name: "x", Keywords: strings.Split("abcdefghijk", "")}, "keywords must be at most 10"},
		"empty keyword": {sandbox.Robot{Name: "x", Keywords: []string{""}}, "none of them empty"},
		"secret":        {sandbox.Robot{Name: "x", Secret: "abc"}, `secret must start with "SEC"`},
		"ip":            {sandbox.Robot{Name: "x", IPs: []string{"10.0.0"}}, `ip "10.0.0" is neither an address nor a CIDR range`},
		"rate":          {sandbox.Robot{Name: "x", Rate: sandbox.Rate{PerMinute: -2}}, "rate must not be negative"},
		"same name":     {sandbox.Robot{Name: "taken"}, "already exists"},
		"same token":    {sandbox.Robot{Name: "x", Token: taken.Token}, "already exists"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sandbox.New(sandbox.Options{})
			_, err := s.AddRobot(taken)
			require.NoError(t, err)
			_, err = s.AddRobot(tt.robot)
			assert.ErrorContains(t, err, tt.want)
			assert.Len(t, s.Robots(), 1)
		})
	}
}

func TestUpdateRobotReplacesSettingsOnly(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot := b.AddRobot(sandbox.DemoRobot("ops"))
	b.AddRobot(sandbox.DemoRobot("other"))
	once := `{"msgtype":"text","msgUuid":"u","text":{"content":"build"}}`
	require.Equal(t, boxtest.OK, b.Post(t, robot, "", once))

	robot.Keywords = []string{"build"}
	_, err := b.UpdateRobot(robot)
	require.NoError(t, err)

	assert.Equal(t, boxtest.Answer(310000, keywordText), b.Post(t, robot, "", boxtest.Hello))
	assert.Equal(t, boxtest.OK, b.Post(t, robot, "", once))
	assert.Len(t, b.Messages(sandbox.Filter{}), 1, "the msgUuid is still known")

	_, err = b.UpdateRobot(sandbox.DemoRobot("new"))
	require.ErrorIs(t, err, sandbox.ErrNotFound)
	robot.Name = "other"
	_, err = b.UpdateRobot(robot)
	require.ErrorIs(t, err, sandbox.ErrExists)
}
