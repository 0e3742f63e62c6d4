<?php
namespace Shop\One {
    use Vendor\Tool as Both;
    new Both();
    new Left();
}
namespace Shop\Two {
    use Other\Tool as Both;
    new Both();
    new Left();
}
namespace {
    new Both();
    new Left();
    use Third\Tool;
    new Tool();
}
