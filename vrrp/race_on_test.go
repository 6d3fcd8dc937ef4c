//go:build race

package vrrp

// raceFactor divides the seeds of pure simulations: there is nothing to race in
// them.
const raceFactor = 10
