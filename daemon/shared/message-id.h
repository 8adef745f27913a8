/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One random 128-bit number for each kind of journal message, made once and never changed: people
 * and scripts search for them. Each has an entry in systemd/phoenixd.catalog and a line in
 * phoenixd(8); a test compares the three. */

#define MESSAGE_INTENT "d4df12f132fc40ad870ab7e3c5aefec1"
#define MESSAGE_CHANGED "e80746f3fe25485d8a36080345c37d99"
#define MESSAGE_FAILED "0e430db3ed92423cb91a85dfe951231e"
#define MESSAGE_REFUSED "eb268340f02c4a4b87cdcf8be22c4610"
#define MESSAGE_ACCEPTED "472a70bbff6346cb9eef516ddf329d10"
#define MESSAGE_JUDGED "9b9d33af50880ed9c9158c66d80d3f34"
#define MESSAGE_DRIFT_FOUND "3b31aaef60f74794be5ef8d8ec27e415"
#define MESSAGE_DRIFT_GONE "2e3add3d492c48ca99c7ba6f47136a43"
#define MESSAGE_POSTURE "ea1b2fd4f92349629efb6d88a87af174"
#define MESSAGE_REMARK "397f08bc7ebe4af7a88643440bea13fa"
#define MESSAGE_SUSPENDED "b6288ccdcd01460eb4859f830710c7ef"
#define MESSAGE_RESUMED "39952dbc3dda444686ddd320fb4a31c8"
#define MESSAGE_SUSPENSION_ENDED "865517d08a5b4200b3f795e76caf2739"
#define MESSAGE_RESTART_ASKED "fa1b694c53cd4b7c85f173fab50c845f"
#define MESSAGE_FOREIGN "5c0d2b7f7e3a4c0c9b1f0f8d6a1e4b93"
#define MESSAGE_LINT "8d0f3b5c1a7e4c26b0a9f4f2d6c85e17"
#define MESSAGE_ROLLED_BACK "3f1c9a6e58d24b7fa0c2e7d94b186fd5"
#define MESSAGE_STARTED "97a0ad3dfcbc42fb99e9e41122d240ab"
#define MESSAGE_RELOADING "91e0f872d46d44bb913d0f8205abc6a7"
#define MESSAGE_STOPPING "b3ddb7bc8321447c846d61441864cb1d"
#define MESSAGE_LOOK_FAILED "bb9be00989cb42cdbc262cec04fef5af"
#define MESSAGE_LOOK_RECOVERED "b26a3960f653474caf3272de6602baf9"
#define MESSAGE_ENGINE_RESTARTED "dd802fcaffe548c09e9a01328983a882"
#define MESSAGE_WATCHES_SHORT "dfe38c10c3fb47adbf0025b722d030cb"
#define MESSAGE_BUS_MISSED "ef5f0ea7259b48259c38622295eabb50"
#define MESSAGE_BUS_BACK "4e9cf1fb853146868a0e685377f0e784"
#define MESSAGE_WATCHES_ENOUGH "70ba88b8c53b412891a4c0af319917f3"
#define MESSAGE_START_REFUSED "90c2e3b81c0b4d4fab59a0e1af1dd18c"
#define MESSAGE_START_WARNED "dd71bb9417be4abc85c5fcedbc35f265"
