package standard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/standard/internal/moment"
	"github.com/dingdag/dingdag/params"
)

// BranchDateTimeOperator chooses by whether the time is between two bounds, inclusive. A bound
// that is null is open.
//
// A bound is a date with time or a time of day, in the zone of the DAG unless it has an
// offset. A time of day is on the current date. If both bounds are times of day and the upper
// one is earlier, the span crosses midnight: from 22:00 to 02:00.
type BranchDateTimeOperator struct {
	twoWays

	// Lower is the lower bound.
	Lower *string `yaml:"target_lower"`
	// Upper is the upper bound. At least one of the two bounds must be given.
	Upper *string `yaml:"target_upper"`
	// UseLogicalDate uses the logical date of the run instead of the clock.
	UseLogicalDate bool `yaml:"use_task_logical_date" param:"default=false"`
}

var (
	_ operator.Operator = (*BranchDateTimeOperator)(nil)
	_ operator.Brancher = (*BranchDateTimeOperator)(nil)
)

func branchDateTimeSpec(docs operator.Option) operator.Spec {
	return operator.Define[BranchDateTimeOperator]("branch_datetime", docs,
		operator.Alias(
			"airflow.operators.datetime.BranchDateTimeOperator",
			"airflow.providers.standard.operators.datetime.BranchDateTimeOperator",
		),
		operator.Example("Load everything at night and little by day", `
follow_task_ids_if_true: full_load
follow_task_ids_if_false: small_load
target_lower: "22:00"
target_upper: "02:00"
`),
		operator.Example("Switch over on a date", `
follow_task_ids_if_true: [new_format, new_report]
follow_task_ids_if_false: old_format
target_lower: 2026-01-01T00:00
target_upper: null
use_task_logical_date: true
`),
	)
}

// Validate reads the bounds.
func (b *BranchDateTimeOperator) Validate() error {
	if b.Lower == nil && b.Upper == nil {
		return errors.New("branch_datetime needs target_lower, target_upper or both")
	}
	lower, lowerErr := parseBound(b.Lower, time.UTC)
	upper, upperErr := parseBound(b.Upper, time.UTC)
	if err := errors.Join(params.At("target_lower", lowerErr), params.At("target_upper", upperErr)); err != nil {
		return err
	}
	if lower != nil && upper != nil && !lower.isClock() && !upper.isClock() && upper.at.Before(lower.at) {
		return params.At("target_upper", params.Warn("target_upper is before target_lower: nothing is between them"))
	}
	return nil
}

// Execute compares the clock, or the logical date, with the bounds.
func (b *BranchDateTimeOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	now, err := b.now(tc)
	if err != nil {
		return nil, err
	}
	within, err := b.within(now)
	if err != nil {
		return nil, err
	}
	tc.Log.InfoContext(ctx, "compared the time with the bounds", "time", now, "within", within)
	return b.follow(ctx, tc, within), nil
}

func (b *BranchDateTimeOperator) now(tc *operator.TaskContext) (time.Time, error) {
	if !b.UseLogicalDate {
		return tc.Now().In(tc.Location), nil
	}
	date, err := moment.LogicalDate(tc)
	return date.In(tc.Location), err
}

func (b *BranchDateTimeOperator) within(now time.Time) (bool, error) {
	lower, err := parseBound(b.Lower, now.Location())
	if err != nil {
		return false, fmt.Errorf("target_lower: %w", err)
	}
	upper, err := parseBound(b.Upper, now.Location())
	if err != nil {
		return false, fmt.Errorf("target_upper: %w", err)
	}
	above := lower == nil || !now.Before(lower.on(now))
	below := upper == nil || !now.After(upper.on(now))
	if lower.isClock() && upper.isClock() && upper.clock < lower.clock {
		return above || below, nil
	}
	return above && below, nil
}

// bound is a moment or, when that is zero, a time of day. A nil bound is open.
type bound struct {
	at    time.Time
	clock moment.Clock
}

func parseBound(text *string, zone *time.Location) (*bound, error) {
	if text == nil {
		return nil, nil
	}
	if c, err := moment.ParseClock(*text); err == nil {
		return &bound{clock: c}, nil
	}
	at, err := moment.Parse(*text, zone)
	if err != nil {
		return nil, fmt.Errorf(`%w, or "08:00" for a time of day`, err)
	}
	return &bound{at: at}, nil
}

func (b *bound) isClock() bool { return b != nil && b.at.IsZero() }

func (b *bound) on(day time.Time) time.Time {
	if b.isClock() {
		return b.clock.On(day)
	}
	return b.at
}
