package robot_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestTwentyAMinuteThenTenMinutesBlocked(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot, other := b.AddRobot(sandbox.DemoRobot("ops")), b.AddRobot(sandbox.DemoRobot("other"))
	for range 20 {
		require.Equal(t, boxtest.OK, b.Post(t, robot, "", boxtest.Hello))
		b.Clock.Advance(time.Second)
	}

	assert.Equal(t, boxtest.TooFast, b.Post(t, robot, "", boxtest.Hello))
	assert.Equal(t, boxtest.OK, b.Post(t, other, "", boxtest.Hello), "each robot has its own rate")
	b.Clock.Advance(10*time.Minute - time.Millisecond)
	assert.Equal(t, boxtest.TooFast, b.Post(t, robot, "", boxtest.Hello))
	b.Clock.Advance(time.Millisecond)
	assert.Equal(t, boxtest.OK, b.Post(t, robot, "", boxtest.Hello), "what is refused meanwhile makes the block no longer")
}

func TestRateIsAMovingMinute(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot := b.AddRobot(sandbox.Robot{Name: "ops", Rate: sandbox.Rate{PerMinute: 2, Block: time.Hour}})
	for range 10 {
		require.Equal(t, boxtest.OK, b.Post(t, robot, "", boxtest.Hello))
		b.Clock.Advance(30 * time.Second)
	}
	require.Equal(t, boxtest.OK, b.Post(t, robot, "", boxtest.Hello))
	require.Equal(t, boxtest.TooFast, b.Post(t, robot, "", boxtest.Hello))
	b.Clock.Advance(59 * time.Minute)
	require.Equal(t, boxtest.TooFast, b.Post(t, robot, "", boxtest.Hello))
}

func TestThrottleCountsRefusals(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot := b.AddRobot(sandbox.Robot{Name: "ops", Keywords: []string{"build"}, Rate: sandbox.Rate{PerMinute: 1}})
	assert.Equal(t, boxtest.Answer(310000, keywordText), b.Post(t, robot, "", boxtest.Hello))
	assert.Equal(t, boxtest.TooFast, b.Post(t, robot, "", boxtest.Hello), "throttle comes before security")
}

func TestThrottleComesBeforeTheToken(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	for range 20 {
		_, got := b.Do(t, http.MethodPost, "/robot/send?access_token=test", boxtest.Hello)
		require.JSONEq(t, `{"errcode":300005,"errmsg":"token is not exist"}`, got)
	}
	_, got := b.Do(t, http.MethodPost, "/robot/send?access_token=test", boxtest.Hello)
	assert.JSONEq(t, `{"errcode":660026,"errmsg":"sending too many messages per minute"}`, got)
}

func TestRateCanBeOff(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot := b.AddRobot(sandbox.Robot{Name: "ops", Rate: sandbox.Rate{PerMinute: -1}})
	for range 50 {
		require.Equal(t, boxtest.OK, b.Post(t, robot, "", boxtest.Hello))
	}
}
