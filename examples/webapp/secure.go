package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/rbac"
)

// secureRule is that of /secure: a sign-in by one of the classes of STEPUP_ACR, and
// no longer ago than STEPUP_MAX_AGE, where that is set.
func secureRule() (rbac.Rule, error) {
	classes := strings.Fields(os.Getenv("STEPUP_ACR"))
	if len(classes) == 0 {
		classes = []string{"mfa"}
	}
	rule := rbac.ACR(classes...)
	text := os.Getenv("STEPUP_MAX_AGE")
	if text == "" {
		return rule, nil
	}
	age, err := time.ParseDuration(text)
	if err != nil || age < time.Second {
		return nil, fmt.Errorf("STEPUP_MAX_AGE must be a duration of a second or more, such as 5m, is %q", text)
	}
	return rbac.All(rule, rbac.MaxAge(age)), nil
}
