package appcall

import (
	"errors"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/operator"
)

// Outcome turns an error of the hook into what it means for the task. With repeatSafe
// a call whose answer was lost may be tried again.
func Outcome(err error, repeatSafe bool) error {
	e, ok := errors.AsType[*hook.Error](err)
	if !ok {
		return err
	}
	if e.Gated() {
		return operator.ComeAgain(e.RetryAfter, err.Error())
	}
	switch e.Kind {
	case hook.KindInvalid, hook.KindAuth, hook.KindNotFound:
		return operator.Fail(err)
	case hook.KindUncertain:
		if !repeatSafe {
			return operator.Fail(err)
		}
		return err
	case hook.KindRateLimited, hook.KindUnavailable:
		if e.RetryAfter > 0 {
			return operator.RetryAfter(e.RetryAfter, err)
		}
		return err
	}
	return err
}
