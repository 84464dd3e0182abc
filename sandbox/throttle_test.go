package sandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
)

var tooFast = reply{660026, "sending too many messages per minute"}

func TestTwentyAMinuteThenTenMinutesBlocked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	robot, other := b.AddRobot(sandbox.DemoRobot("ops")), b.AddRobot(sandbox.DemoRobot("other"))
	for range 20 {
		require.Equal(t, ok, b.post(t, robot, "", hello))
		b.clock.advance(time.Second)
	}

	assert.Equal(t, tooFast, b.post(t, robot, "", hello))
	assert.Equal(t, ok, b.post(t, other, "", hello), "each robot has its own rate")
	b.clock.advance(10*time.Minute - time.Millisecond)
	assert.Equal(t, tooFast, b.post(t, robot, "", hello))
	b.clock.advance(time.Millisecond)
	assert.Equal(t, ok, b.post(t, robot, "", hello), "what is refused meanwhile makes the block no longer")
}

func TestRateIsAMovingMinute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	robot := b.AddRobot(sandbox.Robot{Name: "ops", Rate: sandbox.Rate{PerMinute: 2, Block: time.Hour}})
	for range 10 {
		require.Equal(t, ok, b.post(t, robot, "", hello))
		b.clock.advance(30 * time.Second)
	}
	require.Equal(t, ok, b.post(t, robot, "", hello))
	require.Equal(t, tooFast, b.post(t, robot, "", hello))
	b.clock.advance(59 * time.Minute)
	require.Equal(t, tooFast, b.post(t, robot, "", hello))
}

func TestThrottleCountsRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	robot := b.AddRobot(sandbox.Robot{Name: "ops", Keywords: []string{"build"}, Rate: sandbox.Rate{PerMinute: 1}})
	assert.Equal(t, reply{310000, keywordText}, b.post(t, robot, "", hello))
	assert.Equal(t, tooFast, b.post(t, robot, "", hello), "throttle comes before security")
}

func TestThrottleComesBeforeTheToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 20 {
		_, got := b.do(t, http.MethodPost, "/robot/send?access_token=test", hello)
		require.JSONEq(t, `{"errcode":300005,"errmsg":"token is not exist"}`, got)
	}
	_, got := b.do(t, http.MethodPost, "/robot/send?access_token=test", hello)
	assert.JSONEq(t, `{"errcode":660026,"errmsg":"sending too many messages per minute"}`, got)
}

func TestRateCanBeOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	robot := b.AddRobot(sandbox.Robot{Name: "ops", Rate: sandbox.Rate{PerMinute: -1}})
	for range 50 {
		require.Equal(t, ok, b.post(t, robot, "", hello))
	}
}
