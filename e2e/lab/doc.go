// Package lab builds the network that failover is made for, out of network
// namespaces, and lets things happen to it: a link is cut, a daemon dies, a web
// server falls silent, while clients count what they lose.
//
//	               client 172.20.10.1/28
//	                  |
//	   ============ outside ============      172.20.10.4 moves
//	      | eth2                   | eth2
//	lb1 172.20.10.5          lb2 172.20.10.6
//	    192.168.33.91            192.168.33.94
//	      | eth1                   | eth1
//	   ============ inside =============      192.168.33.90 moves
//	        |                    |
//	    web1 .92             web2 .93         default gateway 192.168.33.90
//
// Each machine and each of the two switches is a namespace of its own; the
// directors also have their own /run, /etc, /var/lib and host name, so that
// programs use their usual paths. Names carry a random part: several labs may
// stand side by side. Everything ends with [Lab.Close].
//
// It needs root; what concerns IPVS needs a kernel that has it ([HasIPVS]),
// which is what e2e/guest is for.
package lab
