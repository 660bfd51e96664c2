// SPDX-License-Identifier: Apache-2.0
//
// From what EC2's Query API says to targets. Source: Prometheus discovery/aws/ec2.go; the API:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "narthex/base/result.h"
#include "narthex/config/target_group.h"
#include "scrape/answers/label_map.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

/// Ids of availability zones by their names, which are an account's own: "eu-west-2a" is
/// "euw2-az2".
using ZoneIds = std::map<std::string, std::string>;

/// Of the answer to DescribeAvailabilityZones. Errors: kInvalidArgument for what is no XML.
Result<ZoneIds> ReadZoneIds(const std::string& xml);

/// Adds the targets of one answer to DescribeInstances.
/// @return the token of the next page; "" = that was the last one
/// Errors: kInvalidArgument for what is no XML, or no such answer; those of the budget.
Result<std::string> AddEc2Targets(const std::string& xml, const std::string& region,
                                  const ZoneIds& zones, std::int64_t port, TargetBudget& budget,
                                  config::TargetGroup& group);

}  // namespace narthex::scrape
