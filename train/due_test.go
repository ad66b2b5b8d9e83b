package train

import (
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, tt := range []struct {
		e     Every
		steps int
		after time.Duration
		want  bool
	}{
		{Every{}, 1, time.Hour, false},
		{Every{Steps: 3}, 3, 0, true}, {Every{Steps: 3}, 6, 0, true}, {Every{Steps: 3}, 4, time.Hour, false},
		{Every{Time: time.Minute}, 1, time.Minute, true}, {Every{Time: time.Minute}, 1, 59 * time.Second, false},
		{Every{Steps: 3, Time: time.Minute}, 4, time.Minute, true}, {Every{Steps: 3, Time: time.Minute}, 3, 0, true},
	} {
		if got := tt.e.due(tt.steps, now, now.Add(tt.after)); got != tt.want {
			t.Errorf("%+v after %d steps and %v: %v", tt.e, tt.steps, tt.after, got)
		}
	}
}
