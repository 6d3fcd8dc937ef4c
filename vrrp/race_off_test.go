//go:build !race

package vrrp

const raceFactor = 1
